"""The two building blocks of refined Glow: its step and its learned factor-out (Wolf, figure 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from tfwolf.bijectors.actnorm import ActNorm
from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.chain import Chain
from tfwolf.bijectors.channel_split import ChannelSplit
from tfwolf.bijectors.compiled_chain import CompiledChain
from tfwolf.bijectors.coupling import Coupling
from tfwolf.bijectors.invertible_conv import InvertibleConv1x1
from tfwolf.bijectors.invertible_linear import Matrix
from tfwolf.bijectors.multiscale import MultiScaleSplit
from tfwolf.bijectors.transforms import Transform
from tfwolf.core import seeds
from tfwolf.flows.factor_out import FactorOut
from tfwolf.nets.protocol import CouplingNetworkFactory

COUPLINGS_PER_STEP = 4


class LayerOptions(NamedTuple):
    """Options that all layers of one flow share; see `RefinedGlow` for their meaning."""

    condition_dim: int
    transform: Transform
    factor_out_transform: Transform
    matrix: Matrix
    factor_out: FactorOut
    net: CouplingNetworkFactory
    dtype: tf.DType

    def coupling(
        self, split: ChannelSplit, hidden_channels: int, seed: int, transform: Transform
    ) -> Coupling:
        """Return a coupling of images by channels."""
        return Coupling.build(
            split.channels,
            self.net,
            transform,
            self.condition_dim,
            hidden_channels,
            seed,
            self.dtype,
            split,
        )

    def conv1x1(self, channels: int, seed: int) -> InvertibleConv1x1:
        """Return a 1x1 convolution."""
        return InvertibleConv1x1(channels, seed, self.dtype, self.matrix)


def glow_step(options: LayerOptions, channels: int, hidden_channels: int, seed: int) -> Chain:
    """Return one refined step (Wolf, figure 3a).

    It consists of actnorm, 1x1 convolution, two couplings, actnorm, two couplings. The first pair
    of couplings splits channels continuously, the second by even and odd index. Each pair goes up,
    then down.
    """

    def couplings(alternate: bool) -> list[Coupling]:
        return [
            options.coupling(
                ChannelSplit(channels, alternate=alternate, up=up),
                hidden_channels,
                seeds.derive(seed, 'coupling', alternate, up),
                options.transform,
            )
            for up in (True, False)
        ]

    def actnorm(place: int) -> ActNorm:
        return ActNorm(channels, seed=seeds.derive(seed, 'actnorm', place), dtype=options.dtype)

    conv1x1 = options.conv1x1(channels, seeds.derive(seed, 'conv1x1'))
    return Chain(
        [actnorm(0), conv1x1, *couplings(alternate=False), actnorm(1), *couplings(alternate=True)],
        name='glow_step',
    )


def learned_factor_out(
    options: LayerOptions,
    channels: int,
    factor: int,
    arrangement: Sequence[FlowBijector],
    hidden_channels: int,
    seed: int,
) -> CompiledChain:
    """Return the learned factor-out of the last `channels // factor` channels.

    It consists of a 1x1 convolution, the layers `arrangement`, a coupling that transforms the
    leaving channels, and an actnorm on these.
    """
    split = ChannelSplit(channels, factor=factor)
    leaving = split.transformed_channels
    coupling = options.coupling(
        split, hidden_channels, seeds.derive(seed, 'coupling'), options.factor_out_transform
    )
    actnorm = ActNorm(leaving, seed=seeds.derive(seed, 'actnorm'), dtype=options.dtype)
    return CompiledChain(
        [
            options.conv1x1(channels, seeds.derive(seed, 'conv1x1')),
            *arrangement,
            coupling,
            MultiScaleSplit(actnorm, channels - leaving, channels, channels, name='on_leaving'),
        ],
        name='factor_out',
    )
