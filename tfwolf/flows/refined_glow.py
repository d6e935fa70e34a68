"""Refined Glow: the fine-grained multi-scale flow of Wolf (Wolf, figure 3)."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.chain import Chain
from tfwolf.bijectors.invertible_linear import Matrix
from tfwolf.bijectors.matrix import FullMatrix
from tfwolf.bijectors.multiscale import MultiScaleSplit
from tfwolf.bijectors.repeat import Repeat
from tfwolf.bijectors.squeeze import Squeezed
from tfwolf.bijectors.transforms import Transform
from tfwolf.core import seeds
from tfwolf.core.parts import register
from tfwolf.core.variables import count_parameters
from tfwolf.flows.factor_out import Conventional, FactorOut
from tfwolf.flows.image_flow import ImageFlow
from tfwolf.flows.levels import Level, check_image_shape, most_hidden_arrays
from tfwolf.flows.refined_step import (
    COUPLINGS_PER_STEP,
    LayerOptions,
    glow_step,
    learned_factor_out,
)
from tfwolf.flows.refined_structure import Groups, checked_factors, checked_groups
from tfwolf.nets.coupling_nets import ConvCouplingNet
from tfwolf.nets.protocol import CouplingNetworkFactory


@register
class RefinedGlow(ImageFlow):
    """The refined Glow flow with fine-grained multi-scale; keeps the image's shape.

    Level 0 works at full resolution and factors out nothing. Each later level first squeezes 2x2
    pixels. A middle level `[a, b, ...]` with k entries works on C channels and factors out C / M
    channels after each group of steps. By default M = 2k, so that C / 2 channels stay (k = 2, M = 4
    in Wolf). The last level consists of steps only. In each middle level, the channels of v are
    `[stayed, left last, ..., left first]`.

    Args:
        image_shape: (height, width, channels) of x.
        condition_dim: size of z, or 0 for a flow without a condition.
        num_steps: number of steps of level 0, of the groups of each middle level, and of the last
            level; for example `[2, [6, 6], [6, 6], 4]`. It may be 0 for level 0.
        hidden_channels: width of the couplings' networks, one per level.
        transform: map of the couplings, a `BoundedAffine` or `Additive`.
        matrix: class of the 1x1 convolutions' matrices, `FullMatrix` or `PLUMatrix`.
        factors: M of each middle level, above its number of groups; None for twice that number.
        factor_out_transform: map of the couplings that factor out; None for `transform`.
        factor_out: selection of the dimensions that leave the flow. Other selections than
            `Conventional` need middle levels in which half of the channels leave.
        net: factory of the couplings' networks; see `CouplingNetworkFactory`.
        seed: seed of the initial weights.
        dtype: floating type.

    Attributes:
        levels: tuple of `Level`, from the highest resolution to the lowest.

    Raises:
        ValueError: if the structure is malformed, or the image cannot be split or squeezed
            accordingly.

    Reference: Ma et al., "Decoupling Global and Local Representations via Invertible Generative
        Flows", 2021, arXiv:2004.11820, figure 3.

    >>> flow = tfwolf.RefinedGlow(
    ...     [8, 8, 3],
    ...     condition_dim=4,
    ...     num_steps=[1, [1, 1], 1],
    ...     hidden_channels=[8, 8, 8],
    ...     transform=tfwolf.BoundedAffine(1.0),
    ... )
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
        groups = checked_groups(num_steps, hidden_channels)
        factors = checked_factors(factors, groups)
        check_image_shape(image_shape, len(groups) - 1)
        options = LayerOptions(
            condition_dim,
            transform,
            factor_out_transform or transform,
            matrix,
            factor_out,
            net,
            dtype,
        )
        rows: list[Level] = []
        layers = _level(options, groups, factors, hidden_channels, 0, image_shape, seed, rows)
        rows = sorted(rows, key=lambda row: (row.level, -row.channels))
        super().__init__(layers, image_shape, rows, factor_out, name=name)


def _level(
    options: LayerOptions,
    num_steps: Groups,
    factors: Sequence[int],
    hidden_channels: Sequence[int],
    index: int,
    shape: Sequence[int],
    seed: int,
    rows: list[Level],
) -> list[FlowBijector]:
    """Return the layers of level `index` and all later levels; append their rows to `rows`.

    Args:
        options: options of all layers.
        num_steps, factors, hidden_channels: structure of all levels.
        index: index of the level.
        shape: (height, width, channels) of the level's input.
        seed: seed of the flow.
        rows: table of the structure.
    """
    is_last = index == len(num_steps) - 1
    groups = num_steps[index]
    hidden = hidden_channels[index]
    height, width, channels = shape

    def enter_next(channels: int) -> Squeezed:
        inner_shape = height // 2, width // 2, 4 * channels
        inner = _level(
            options, num_steps, factors, hidden_channels, index + 1, inner_shape, seed, rows
        )
        return Squeezed(Chain(inner, name=f'level{index + 1}'))

    def steps(group: int, channels: int) -> Repeat:
        return Repeat(
            lambda step_seed: glow_step(options, channels, hidden, step_seed),
            groups[group],
            seed=seeds.derive(seed, 'level', index, group),
            name='steps',
        )

    def add_row(group: int, channels: int, leaving: int, layers: Sequence[FlowBijector]) -> None:
        rows.append(
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
        layers: list[FlowBijector] = [steps(0, channels)] if groups[0] else []
        add_row(0, channels, channels if is_last else 0, layers)
        return layers if is_last else [*layers, enter_next(channels)]

    leaving = channels // factors[index - 1]
    arrangement = options.factor_out.layers(
        shape, len(groups), seeds.derive(seed, 'arrangement', index), options.dtype
    )
    if arrangement and options.factor_out.splits and leaving * len(groups) * 2 != channels:
        raise ValueError(
            '`factor_out` needs half of the channels to leave at every middle level; got '
            f'{channels} channels at level {index}, of which {leaving} leave {len(groups)} times.'
        )
    if not options.factor_out.splits:
        layers = [
            steps(0, channels),
            *arrangement,
            *(steps(group, channels) for group in range(1, len(groups))),
        ]
        for group in range(len(groups)):
            add_row(group, channels, 0, [layers[group + (group > 0)]])
        return [*layers, enter_next(channels)]

    def from_group(group: int, channels: int, factor: int) -> list[FlowBijector]:
        leaving = channels // factor
        kept = channels - leaving
        layers: list[FlowBijector] = [
            steps(group, channels),
            learned_factor_out(
                options,
                channels,
                factor,
                arrangement if group == 0 else [],
                hidden,
                seeds.derive(seed, 'factor_out', index, group),
            ),
        ]
        add_row(group, channels, leaving, layers)
        # The factor decreases by one, so that each group factors out the same number of channels.
        rest = (
            Chain(from_group(group + 1, kept, factor - 1))
            if group + 1 < len(groups)
            else enter_next(kept)
        )
        return [*layers, MultiScaleSplit(rest, 0, kept, channels, name='kept')]

    return from_group(0, channels, factors[index - 1])
