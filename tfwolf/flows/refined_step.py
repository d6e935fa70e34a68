"""The two building blocks of refined Glow: its step and its learned factor-out (Wolf, figure 3)."""

from __future__ import annotations

from collections.abc import Sequence

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.chain import Chain
from tfwolf.bijectors.channel_split import ChannelSplit
from tfwolf.bijectors.compiled_chain import CompiledChain
from tfwolf.bijectors.coupling import Coupling
from tfwolf.bijectors.multiscale import MultiScaleSplit
from tfwolf.bijectors.transforms import Transform
from tfwolf.core import seeds
from tfwolf.flows.layer_options import LayerOptions

COUPLINGS_PER_STEP = 4


def coupling_pair(
    options: LayerOptions, channels: int, hidden_channels: int, alternate: bool, seed: int
) -> list[Coupling]:
    """Return two couplings, up and down.

    Args:
        options: options of the layers.
        channels: number of channels.
        hidden_channels: width of the networks.
        alternate: whether channels are split by even and odd index.
        seed: seed of the step.
    """
    return [
        options.coupling(
            ChannelSplit(channels, alternate=alternate, up=up),
            hidden_channels,
            seeds.derive(seed, 'coupling', alternate, up),
        )
        for up in (True, False)
    ]


def glow_step(options: LayerOptions, channels: int, hidden_channels: int, seed: int) -> Chain:
    """Return one refined step (Wolf, figure 3a).

    It consists of actnorm, 1x1 convolution, two couplings, actnorm, two couplings. The first pair
    of couplings splits channels continuously, the second by even and odd index. Each pair goes up,
    then down.
    """
    return Chain(
        [
            options.actnorm(channels, seeds.derive(seed, 'actnorm', 0)),
            options.conv1x1(channels, seeds.derive(seed, 'conv1x1')),
            *coupling_pair(options, channels, hidden_channels, alternate=False, seed=seed),
            options.actnorm(channels, seeds.derive(seed, 'actnorm', 1)),
            *coupling_pair(options, channels, hidden_channels, alternate=True, seed=seed),
        ],
        name='glow_step',
    )


def learned_factor_out(
    options: LayerOptions,
    transform: Transform,
    split: ChannelSplit,
    arrangement: Sequence[FlowBijector],
    hidden_channels: int,
    seed: int,
) -> CompiledChain:
    """Return the learned factor-out of the last channels.

    It consists of a 1x1 convolution, the layers `arrangement`, a coupling that transforms the
    leaving channels, and an actnorm on these.

    Args:
        options: options of the layers.
        transform: map of the coupling.
        split: all channels, of which the transformed ones leave.
        arrangement: layers that move the leaving channels to the end.
        hidden_channels: width of the network.
        seed: seed of the layers.
    """
    channels, leaving = split.channels, split.transformed_channels
    coupling = options.coupling(split, hidden_channels, seeds.derive(seed, 'coupling'), transform)
    actnorm = options.actnorm(leaving, seeds.derive(seed, 'actnorm'))
    return CompiledChain(
        [
            options.conv1x1(channels, seeds.derive(seed, 'conv1x1')),
            *arrangement,
            coupling,
            MultiScaleSplit(actnorm, channels - leaving, channels, channels, name='on_leaving'),
        ],
        name='factor_out',
    )
