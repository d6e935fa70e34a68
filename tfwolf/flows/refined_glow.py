"""Builds the refined Glow of Wolf: its step, its learned factor-out, and the fine-grained
multi-scale flow (Wolf,
figure 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from tfwolf.bijectors.actnorm import ActNorm
from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.chain import Chain
from tfwolf.bijectors.channel_split import ChannelSplit
from tfwolf.bijectors.coupling import Coupling
from tfwolf.bijectors.invertible_conv import InvertibleConv1x1
from tfwolf.bijectors.invertible_linear import Matrix
from tfwolf.bijectors.matrix import FullMatrix
from tfwolf.bijectors.multiscale import MultiScaleSplit
from tfwolf.bijectors.repeat import Repeat
from tfwolf.bijectors.squeeze import Squeezed
from tfwolf.bijectors.transforms import Transform
from tfwolf.core import seeds, validate
from tfwolf.core.parts import register
from tfwolf.core.variables import count_parameters
from tfwolf.flows.factor_out import Conventional, FactorOut
from tfwolf.flows.image_flow import ImageFlow
from tfwolf.flows.levels import Level, check_image_shape, most_hidden_arrays
from tfwolf.nets.coupling_nets import ConvCouplingNet
from tfwolf.nets.protocol import CouplingNetworkFactory

COUPLINGS_PER_STEP = 4

# Of each level, the number of steps of each of its groups.
Groups = Sequence[Sequence[int]]


@register
class RefinedGlow(ImageFlow):
    """The refined Glow flow with fine-grained multi-scale and an optional condition z; keeps the
    image's shape.

    Level 0 works at full resolution and factors nothing out. Each later level squeezes 2x2 pixels
    first. A middle level `[a, b, ...]` with k entries works on C channels and factors out C / M
    channels after each group of steps, with M = 2k unless `factors` says otherwise, so that C / 2
    go on (k = 2, M = 4 in Wolf); the last level has steps only. v holds, in each middle level,
    `[went on, left last, ..., left first]` along channels.

    Args:
        image_shape: (height, width, channels) of x.
        condition_dim: size of z, or 0 for a flow without a condition.
        num_steps: for example `[2, [6, 6], [6, 6], 4]`: level 0, the middle levels, the last level.
            0 is allowed for level 0.
        hidden_channels: width of the coupling nets, one per level.
        transform: what a coupling does, a `BoundedAffine` or `Additive`.
        matrix: class of the 1x1 convolutions' matrices: `FullMatrix` or `PLUMatrix`.
        factors: M of each middle level, above its number of groups; None for twice that number.
        factor_out_transform: what the couplings that factor out do; None for `transform`.
        factor_out: which dimensions leave; other ways than by place need middle levels from which
            half of the channels leave.
        net: makes the network of a coupling; see `CouplingNetworkFactory`.
        seed: seed of the initial weights.
        dtype: floating type.

    Attributes:
        levels: tuple of `Level`, the image's side first.

    Raises:
        ValueError: if the structure is malformed, or the image cannot be split or squeezed as it
            asks.

    Reference: Ma et al., "Decoupling Global and Local Representations via Invertible Generative
        Flows", 2021, figure 3.

    >>> flow = tfwolf.RefinedGlow([8, 8, 3], condition_dim=4, num_steps=[1, [1, 1], 1], hidden_channels=[8, 8, 8],
    ...                           transform=tfwolf.BoundedAffine(1.0))
    >>> v, log_det = flow.forward_and_log_det(tf.zeros([2, 8, 8, 3]), tf.zeros([2, 4]))
    >>> v.shape, log_det.shape
    (TensorShape([2, 8, 8, 3]), TensorShape([2]))
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        condition_dim: int,
        num_steps: Sequence[int | Sequence[int]],
        hidden_channels: Sequence[int],
        transform: Transform,
        matrix: Matrix = FullMatrix,
        factors: Sequence[int] | None = None,
        factor_out_transform: Transform | None = None,
        factor_out: FactorOut = Conventional(),
        net: CouplingNetworkFactory = ConvCouplingNet,
        seed: int = 0,
        dtype: tf.DType = tf.float32,
        name: str = 'refined_glow',
    ) -> None:
        num_steps = _checked_structure(num_steps, hidden_channels)
        factors = _checked_factors(factors, num_steps)
        check_image_shape(image_shape, len(num_steps) - 1)
        parts = _Parts(
            condition_dim,
            transform,
            factor_out_transform or transform,
            matrix,
            factor_out,
            net,
            dtype,
        )
        levels: list[Level] = []
        layers = _level(
            parts, num_steps, factors, hidden_channels, 0, tuple(image_shape), seed, levels
        )
        levels = sorted(levels, key=lambda row: (row.level, -row.channels))
        super().__init__(layers, image_shape, levels, factor_out, name=name)


class _Parts(NamedTuple):
    """What all layers of one flow have in common."""

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
        """Returns a coupling of images by channels."""
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
        """Returns a 1x1 convolution."""
        return InvertibleConv1x1(channels, seed, self.dtype, self.matrix)


def glow_step(parts: _Parts, channels: int, hidden_channels: int, seed: int) -> Chain:
    """Returns one refined step (Wolf, figure 3a): actnorm, 1x1 convolution, two couplings, actnorm,
    two couplings.

    The first pair of couplings splits channels continuously, the second by even and odd index; each
    pair goes up, then down."""

    def couplings(alternate: bool) -> list[Coupling]:
        return [
            parts.coupling(
                ChannelSplit(channels, alternate=alternate, up=up),
                hidden_channels,
                seeds.derive(seed, 'coupling', alternate, up),
                parts.transform,
            )
            for up in (True, False)
        ]

    def actnorm(place: int) -> ActNorm:
        return ActNorm(channels, seed=seeds.derive(seed, 'actnorm', place), dtype=parts.dtype)

    conv1x1 = parts.conv1x1(channels, seeds.derive(seed, 'conv1x1'))
    return Chain(
        [actnorm(0), conv1x1, *couplings(alternate=False), actnorm(1), *couplings(alternate=True)],
        name='glow_step',
    )


def factor_out(
    parts: _Parts,
    channels: int,
    factor: int,
    arrangement: Sequence[FlowBijector],
    hidden_channels: int,
    seed: int,
) -> Chain:
    """Returns the learned factor-out: 1x1 convolution, what arranges, a coupling on the last
    `channels // factor`, actnorm on those.
    """
    split = ChannelSplit(channels, factor=factor)
    leaving = split.transformed_channels
    coupling = parts.coupling(
        split, hidden_channels, seeds.derive(seed, 'coupling'), parts.factor_out_transform
    )
    actnorm = ActNorm(leaving, seed=seeds.derive(seed, 'actnorm'), dtype=parts.dtype)
    return Chain(
        [
            parts.conv1x1(channels, seeds.derive(seed, 'conv1x1')),
            *arrangement,
            coupling,
            MultiScaleSplit(actnorm, channels - leaving, channels, channels, name='on_leaving'),
        ],
        name='factor_out',
    )


def _level(
    parts: _Parts,
    num_steps: Groups,
    factors: Sequence[int],
    hidden_channels: Sequence[int],
    index: int,
    shape: tuple[int, int, int],
    seed: int,
    levels: list[Level],
) -> list[FlowBijector]:
    """Returns the layers of level `index` and all later ones on images of `shape`; appends rows to
    `levels`.
    """
    is_last = index == len(num_steps) - 1
    groups = num_steps[index]
    hidden = hidden_channels[index]
    height, width, channels = shape

    def enter_next(channels: int) -> Squeezed:
        inner = _level(
            parts,
            num_steps,
            factors,
            hidden_channels,
            index + 1,
            (height // 2, width // 2, 4 * channels),
            seed,
            levels,
        )
        return Squeezed(Chain(inner, name=f'level{index + 1}'))

    def steps(group: int, channels: int) -> Repeat:
        return Repeat(
            lambda step_seed: glow_step(parts, channels, hidden, step_seed),
            groups[group],
            seed=seeds.derive(seed, 'level', index, group),
            name='steps',
        )

    def row(group: int, channels: int, leaving: int, layers: Sequence[FlowBijector]) -> None:
        levels.append(
            Level(
                index,
                height,
                width,
                channels,
                groups[group],
                COUPLINGS_PER_STEP * groups[group] + (leaving < channels),
                hidden,
                most_hidden_arrays(layers),
                leaving,
                sum(map(count_parameters, layers)),
            )
        )

    if index == 0 or is_last:
        layers = [steps(0, channels)] if groups[0] else []
        row(0, channels, channels if is_last else 0, layers)
        return layers if is_last else layers + [enter_next(channels)]

    leaving = channels // factors[index - 1]
    arrangement = parts.factor_out.layers(
        shape, len(groups), seeds.derive(seed, 'arrangement', index), parts.dtype
    )
    if arrangement and parts.factor_out.splits and leaving * len(groups) * 2 != channels:
        raise ValueError(
            '`factor_out` needs half of the channels to leave at every middle level; got '
            f'{channels} '
            f'channels at level {index}, '
            f'of which {leaving} leave {len(groups)} times.'
        )
    if not parts.factor_out.splits:
        layers = [
            steps(0, channels),
            *arrangement,
            *(steps(group, channels) for group in range(1, len(groups))),
        ]
        for group in range(len(groups)):
            row(group, channels, 0, [layers[group + (group > 0)]])
        return layers + [enter_next(channels)]

    def from_group(group: int, channels: int, factor: int) -> list[FlowBijector]:
        out = factor_out(
            parts,
            channels,
            factor,
            arrangement if group == 0 else [],
            hidden,
            seeds.derive(seed, 'factor_out', index, group),
        )
        layers = [steps(group, channels), out]
        leaving = channels // factor
        row(group, channels, leaving, layers)
        kept = channels - leaving
        # One less each time, so that equally many leave.
        rest = (
            Chain(from_group(group + 1, kept, factor - 1))
            if group + 1 < len(groups)
            else enter_next(kept)
        )
        return layers + [MultiScaleSplit(rest, 0, kept, channels, name='kept')]

    return from_group(0, channels, factors[index - 1])


def _checked_structure(
    num_steps: Sequence[int | Sequence[int]], hidden_channels: Sequence[int]
) -> Groups:
    """Returns `num_steps` with every level as a tuple of groups; raises a `ValueError` for a
    malformed one.
    """
    shape = (
        '`num_steps` must be like [2, [6, 6], 4]: an integer for level 0 (0 for none), a list of '
        'integers for '
        'each middle '
        f'level, an integer for the last; got num_steps={num_steps!r}.'
    )
    if not isinstance(num_steps, (list, tuple)) or len(num_steps) < 2:
        raise ValueError(shape)
    first, *middle, last = num_steps
    if (
        isinstance(first, (list, tuple))
        or isinstance(last, (list, tuple))
        or not all(isinstance(level, (list, tuple)) and level for level in middle)
    ):
        raise ValueError(shape)
    validate.integer('num_steps[0]', first, minimum=0)
    for number in [n for level in middle for n in level] + [last]:
        validate.integer('num_steps', number, minimum=1)
    if not isinstance(hidden_channels, (list, tuple)) or len(hidden_channels) != len(num_steps):
        raise ValueError(
            f'`hidden_channels` must have one entry per level, {len(num_steps)} here; got '
            f'{hidden_channels!r}.'
        )
    return ((first,), *map(tuple, middle), (last,))


def _checked_factors(factors: Sequence[int] | None, num_steps: Groups) -> list[int]:
    """Returns one factor M per middle level."""
    groups = [len(level) for level in num_steps[1:-1]]
    if factors is None:
        return [2 * count for count in groups]
    if not isinstance(factors, (list, tuple)) or len(factors) != len(groups):
        raise ValueError(
            f'`factors` must have one entry per middle level, {len(groups)} here; got '
            f'factors={factors!r}.'
        )
    for factor, count in zip(factors, groups):
        if validate.integer('factors', factor, minimum=2) <= count:
            raise ValueError(
                f'`factors` must be above the number of groups of its level, {count}; got '
                f'factors={factors!r}.'
            )
    return list(factors)
