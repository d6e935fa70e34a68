"""The step of MaCow: masked convolutions in front of each pair of couplings."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.chain import Chain
from tfwolf.bijectors.masked_conv import MaskedConv
from tfwolf.bijectors.masked_inverse import MaskedInverse
from tfwolf.core import seeds
from tfwolf.flows.layer_options import LayerOptions
from tfwolf.flows.refined_step import coupling_pair
from tfwolf.nets.half_plane import ABOVE, BELOW, LEFT, RIGHT, HalfPlane
from tfwolf.nets.half_plane_net import HalfPlaneNet

UNITS_PER_PAIR = 2


@dataclasses.dataclass(frozen=True)
class MaCowStep:
    """Makes one step: actnorm, 1x1 convolution, and twice two units and two couplings.

    An actnorm stands between the two halves. A unit consists of masked convolutions from above and
    from below, an actnorm, masked convolutions from the left and from the right, an actnorm. The
    couplings are those of refined Glow.

    Args:
        kernel_size: (lines, pixels of each line) that a masked convolution reads.
        inverse: how masked convolutions are inverted.
        compute_dtype: type of the computations inside masked convolutions; None for that of the
            weights.

    Source: Ma et al., "MaCow: Masked Convolutional Generative Flow", 2019, arXiv:1902.04208,
        section 3 and figure 2, with the couplings and the order of the program of Wolf's authors.
    """

    kernel_size: Sequence[int]
    inverse: MaskedInverse
    compute_dtype: str | tf.DType | None = None

    def __call__(
        self, options: LayerOptions, channels: int, hidden_channels: int, seed: int
    ) -> Chain:
        """Return a step on images of some channels; see `Step`."""

        def masked(window: HalfPlane, place: int) -> MaskedConv:
            depth, breadth = self.kernel_size
            net = HalfPlaneNet(
                window._replace(depth=depth, breadth=breadth),
                channels,
                channels * options.transform.outputs_per_channel,
                options.condition_dim,
                options.condition_channels,
                seeds.derive(seed, 'masked', place, window.axis, window.reverse),
                options.dtype,
                self.compute_dtype,
            )
            return MaskedConv(net, options.transform, self.inverse, options.dtype)

        def unit(place: int) -> list[FlowBijector]:
            layers: list[FlowBijector] = []
            for number, pair in enumerate(((ABOVE, BELOW), (LEFT, RIGHT))):
                layers += [masked(window, place) for window in pair]
                norm_seed = seeds.derive(seed, 'unit actnorm', place, number)
                layers.append(options.actnorm(channels, norm_seed))
            return layers

        def half(number: int, alternate: bool) -> list[FlowBijector]:
            first = number * UNITS_PER_PAIR
            units = [layer for place in (first, first + 1) for layer in unit(place)]
            pair = coupling_pair(options, channels, hidden_channels, alternate, seed)
            return [*units, *pair]

        return Chain(
            [
                options.actnorm(channels, seeds.derive(seed, 'actnorm', 0)),
                options.conv1x1(channels, seeds.derive(seed, 'conv1x1')),
                *half(0, alternate=False),
                options.actnorm(channels, seeds.derive(seed, 'actnorm', 1)),
                *half(1, alternate=True),
            ],
            name='macow_step',
        )
