"""The fine-grained multi-scale structure of Wolf around any step (Wolf, figure 3c)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Protocol

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.chain import Chain
from tfwolf.bijectors.channel_split import ChannelSplit
from tfwolf.bijectors.multiscale import MultiScaleSplit
from tfwolf.bijectors.repeat import Repeat
from tfwolf.bijectors.squeeze import Squeezed
from tfwolf.bijectors.transforms import Transform
from tfwolf.core import seeds
from tfwolf.core.variables import count_parameters
from tfwolf.flows.factor_out import FactorOut
from tfwolf.flows.layer_options import LayerOptions
from tfwolf.flows.levels import Level, check_image_shape, mean_hidden_arrays, networks
from tfwolf.flows.refined_step import learned_factor_out
from tfwolf.flows.refined_structure import Groups, checked_factors, checked_groups, checked_levels


class Step(Protocol):
    """Makes one step of a flow."""

    def __call__(
        self, options: LayerOptions, channels: int, hidden_channels: int, seed: int
    ) -> FlowBijector:
        """Return a step on images of some channels; all steps must have the same structure."""
        ...


@dataclasses.dataclass
class FineMultiScale:
    """Makes the layers of all levels from the highest resolution to the lowest.

    Args:
        step: makes one step.
        num_steps, hidden_channels, factors: as in `RefinedGlow`.
        factor_out: selection of the dimensions that leave the flow.
        factor_out_transform: map of the couplings that factor out.
        seed: seed of the flow.
        conditioned_levels: indices of the levels whose networks see z; None for all.

    Attributes:
        groups: number of steps of each group of each level.
        middle_factors: M of each middle level.
        rows: the `Level`s of the layers made so far.

    Raises:
        ValueError: if the structure is malformed.
    """

    step: Step
    num_steps: Sequence[int | Sequence[int]]
    hidden_channels: Sequence[int]
    factors: Sequence[int] | None
    factor_out: FactorOut
    factor_out_transform: Transform
    seed: int
    conditioned_levels: Sequence[int] | None = None

    def __post_init__(self) -> None:
        self.groups: Groups = checked_groups(self.num_steps, self.hidden_channels)
        self.middle_factors: list[int] = checked_factors(self.factors, self.groups)
        checked_levels(self.conditioned_levels, len(self.groups))
        self.rows: list[Level] = []

    @property
    def levels(self) -> list[Level]:
        """The `Level`s from the highest resolution to the lowest."""
        return sorted(self.rows, key=lambda row: (row.level, -row.channels))

    def layers(self, options: LayerOptions, image_shape: Sequence[int]) -> list[FlowBijector]:
        """Return the layers of all levels.

        Args:
            options: options of the layers at the highest resolution.
            image_shape: (height, width, channels).

        Raises:
            ValueError: if the image cannot be split or squeezed accordingly.
        """
        check_image_shape(image_shape, len(self.groups) - 1)
        return self._from_level(options, image_shape, 0)

    def _from_level(
        self, options: LayerOptions, shape: Sequence[int], index: int
    ) -> list[FlowBijector]:
        """Return the layers of level `index` and all later levels.

        Args:
            options: options of the level's layers.
            shape: (height, width, channels) of the level's input.
            index: index of the level.
        """
        is_last = index == len(self.groups) - 1
        if index == 0 or is_last:
            channels = shape[2]
            layers = self._steps(options, index, 0, channels) if self.groups[index][0] else []
            self._add_row(index, 0, shape, channels if is_last else 0, layers)
            return layers if is_last else [*layers, self._next(options, shape, channels, index)]
        if not self.factor_out.splits:
            return self._unsplit(options, shape, index)
        factor = self.middle_factors[index - 1]
        arrangement = self._arrangement(options, shape, index)
        leaving, count = shape[2] // factor, len(self.groups[index])
        if arrangement and leaving * count * 2 != shape[2]:
            raise ValueError(
                '`factor_out` needs half of the channels to leave at every middle level; got '
                f'{shape[2]} channels at level {index}, of which {leaving} leave {count} times.'
            )
        return self._split(options, shape, index, 0, factor, arrangement)

    def _split(
        self,
        options: LayerOptions,
        shape: Sequence[int],
        index: int,
        group: int,
        factor: int,
        arrangement: Sequence[FlowBijector],
    ) -> list[FlowBijector]:
        """Return the layers of a middle level from one group on, and of all later levels."""
        height, width, channels = shape
        split = ChannelSplit(channels, factor=factor)
        kept = split.conditioning_channels
        layers = [
            *self._steps(options, index, group, channels),
            learned_factor_out(
                self._at_level(options, index),
                self.factor_out_transform,
                split,
                arrangement,
                self.hidden_channels[index],
                seeds.derive(self.seed, 'factor_out', index, group),
            ),
        ]
        self._add_row(index, group, shape, split.transformed_channels, layers)
        # The factor decreases by one, so that each group factors out the same number of channels.
        rest = (
            Chain(self._split(options, (height, width, kept), index, group + 1, factor - 1, []))
            if group + 1 < len(self.groups[index])
            else self._next(options, shape, kept, index)
        )
        return [*layers, MultiScaleSplit(rest, 0, kept, channels, name='kept')]

    def _unsplit(
        self, options: LayerOptions, shape: Sequence[int], index: int
    ) -> list[FlowBijector]:
        """Return the layers of a middle level that no dimensions leave, and of all later levels."""
        layers = []
        for group in range(len(self.groups[index])):
            steps = self._steps(options, index, group, shape[2])
            self._add_row(index, group, shape, 0, steps)
            layers += [*steps, *([] if group else self._arrangement(options, shape, index))]
        return [*layers, self._next(options, shape, shape[2], index)]

    def _arrangement(
        self, options: LayerOptions, shape: Sequence[int], index: int
    ) -> list[FlowBijector]:
        seed = seeds.derive(self.seed, 'arrangement', index)
        return self.factor_out.layers(shape, len(self.groups[index]), seed, options.dtype)

    def _next(
        self, options: LayerOptions, shape: Sequence[int], channels: int, index: int
    ) -> Squeezed:
        """Return the next level, squeezed, for `channels` of this level's channels."""
        inner_shape = shape[0] // 2, shape[1] // 2, 4 * channels
        inner = self._from_level(options.squeezed(), inner_shape, index + 1)
        return Squeezed(Chain(inner, name=f'level{index + 1}'))

    def _steps(
        self, options: LayerOptions, index: int, group: int, channels: int
    ) -> list[FlowBijector]:
        hidden, own = self.hidden_channels[index], self._at_level(options, index)
        return [
            Repeat(
                lambda step_seed: self.step(own, channels, hidden, step_seed),
                self.groups[index][group],
                seed=seeds.derive(self.seed, 'level', index, group),
                name='steps',
            )
        ]

    def _at_level(self, options: LayerOptions, index: int) -> LayerOptions:
        """Return the options of the networks of a level, which see z at some levels only."""
        if self.conditioned_levels is None or index in self.conditioned_levels:
            return options
        return options._replace(condition_dim=0)

    def _add_row(
        self,
        index: int,
        group: int,
        shape: Sequence[int],
        leaving: int,
        layers: Sequence[FlowBijector],
    ) -> None:
        height, width, channels = shape
        self.rows.append(
            Level(
                index,
                height,
                width,
                channels,
                self.groups[index][group],
                len(networks(layers)),
                self.hidden_channels[index],
                mean_hidden_arrays(layers, self.hidden_channels[index]),
                leaving,
                sum(map(count_parameters, layers)),
            )
        )
