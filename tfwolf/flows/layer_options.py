"""Options that all layers of one flow share, and the layers made with them."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from tfwolf.bijectors.actnorm import ActNorm
from tfwolf.bijectors.channel_split import ChannelSplit
from tfwolf.bijectors.coupling import Coupling
from tfwolf.bijectors.invertible_conv import InvertibleConv1x1
from tfwolf.bijectors.invertible_linear import Matrix
from tfwolf.bijectors.squeeze import BLOCK
from tfwolf.bijectors.transforms import Transform
from tfwolf.nets.condition import image_argument
from tfwolf.nets.protocol import CouplingNetworkFactory


class LayerOptions(NamedTuple):
    """Options that all layers of one flow share; see `RefinedGlow` for their meaning.

    `condition_channels` is that of the condition's image at the resolution of the layers.
    """

    condition_dim: int
    condition_channels: int
    transform: Transform
    matrix: Matrix
    net: CouplingNetworkFactory
    dtype: tf.DType

    def squeezed(self) -> LayerOptions:
        """Return the options of layers after a squeeze, which squeezes the condition's image."""
        return self._replace(condition_channels=BLOCK**2 * self.condition_channels)

    def coupling(
        self,
        split: ChannelSplit,
        hidden_channels: int,
        seed: int,
        transform: Transform | None = None,
    ) -> Coupling:
        """Return a coupling by channels; `transform` is by default that of the options."""
        transform = transform or self.transform
        net = self.net(
            in_channels=split.conditioning_channels,
            hidden_channels=hidden_channels,
            out_channels=split.transformed_channels * transform.outputs_per_channel,
            condition_dim=self.condition_dim,
            seed=seed,
            dtype=self.dtype,
            **image_argument('net', self.net, self.condition_channels),
        )
        return Coupling(split, net, transform, dtype=self.dtype)

    def conv1x1(self, channels: int, seed: int) -> InvertibleConv1x1:
        """Return a 1x1 convolution."""
        return InvertibleConv1x1(channels, seed, self.dtype, self.matrix)

    def actnorm(self, channels: int, seed: int) -> ActNorm:
        """Return an actnorm."""
        return ActNorm(channels, seed=seed, dtype=self.dtype)
