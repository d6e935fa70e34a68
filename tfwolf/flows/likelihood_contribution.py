"""Factor-out by likelihood contribution (LCMA): measurement in phase 1 and the resulting order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.composite import walk_leaves
from tfwolf.bijectors.reindexing import Reindexing
from tfwolf.core import validate
from tfwolf.core.parts import register
from tfwolf.flows.arrangement import Arrangement
from tfwolf.flows.factor_out import WINDOW, Shape
from tfwolf.nets.condition import Condition


@register(name='lcma')
class LikelihoodContribution:
    """The two positions of each 2x2 window that contribute less to the log-determinant leave.

    The positions are chosen for each window and channel. Contributions are measured in phase 1 on a
    flow without factor-out; `conclude` then sets the arrangements.

    Args:
        phase1_steps: number of training steps of phase 1.
        keep_most: whether the dimensions with the largest contributions stay (LCMA). If False, they
            leave first (the ablation `high`).

    Reference: Das, Abbeel and Spanos, "Likelihood Contribution based Multi-scale Architecture for
        Generative Flows", 2019, arXiv:1908.01686, section 3.
    """

    splits: bool = True

    def __init__(self, phase1_steps: int, keep_most: bool = True) -> None:
        self.num_steps = validate.integer('phase1_steps', phase1_steps, minimum=1)
        self.keep_most = keep_most

    @property
    def preparation(self) -> LikelihoodContribution:
        """The object itself, which is a `Preparation`."""
        return self

    @property
    def flow_changes(self) -> dict[str, Any]:
        """Arguments that turn the factory of the final flow into that of the phase 1 flow."""
        return {'factor_out': Unsplit()}

    def measure(
        self, flow: FlowBijector, x: tf.Tensor, condition: Condition | None = None
    ) -> list[tf.Tensor]:
        """Return the contributions of each image; see `contributions_at_factor_outs`."""
        return contributions_at_factor_outs(flow, x, condition)

    def layers(
        self, shape: Shape, num_leaving: int, seed: int, dtype: tf.DType
    ) -> list[FlowBijector]:
        """Return an undecided `Arrangement` of `[height, width, 4 c]`, which phase 1 decides.

        Args:
            shape: (height, width, 4 c) of the squeezed image.
            num_leaving: number of equal parts in which half of the dimensions leave, 1 or 2.
            seed: not used.
            dtype: floating type of the layer.
        """
        if num_leaving not in (1, 2):
            raise ValueError(
                '`factor_out` by likelihood contribution needs levels that factor out once or '
                f'twice; got {num_leaving} times.'
            )
        return [Arrangement(shape, dtype, num_leaving=num_leaving)]

    def conclude(self, flow: FlowBijector, contributions: Sequence[np.ndarray]) -> None:
        """Set the arrangements of a flow, from the highest resolution to the lowest.

        Only the dimensions that stayed are compared at the next factor-out. A dimension is
        identified by its position in the image.

        Args:
            flow: a flow built with this `factor_out`.
            contributions: for each factor-out, the mean contribution of each position of the image,
                `[height, width, channels]`.

        Raises:
            ValueError: if there are more arrays than factor-outs.
        """
        rest = [np.asarray(array) for array in contributions]
        shape = rest[0].shape

        def visit(path: tuple[str, ...], layer: FlowBijector, places: tf.Tensor) -> tf.Tensor:
            if not isinstance(layer, Arrangement):
                return places
            here = places.numpy().astype(int)[0]
            layer.decide(
                window_order(rest.pop(0).reshape(-1)[here], layer.num_leaving, self.keep_most)
            )
            return layer.move(places)

        # Positions pass through the flow as an image; float64 represents them exactly.
        walk_leaves(
            flow, visit, tf.reshape(tf.range(np.prod(shape), dtype=tf.float64), [1, *shape])
        )
        if rest:
            raise ValueError(
                '`contributions` must contain one array per factor-out; got '
                f'{len(contributions)}, {len(rest)} too many.'
            )


class Unsplit:
    """No dimensions leave: the flow of phase 1, in which all dimensions pass all layers."""

    splits: bool = False
    preparation: None = None

    def layers(
        self, shape: Shape, num_leaving: int, seed: int, dtype: tf.DType
    ) -> list[FlowBijector]:
        """Return the marker at which contributions are measured."""
        return [FactorOutPoint(dtype)]


class FactorOutPoint(Reindexing):
    """The identity; marks the position of a factor-out in phase 1."""

    def __init__(self, dtype: tf.DType = tf.float32, name: str = 'factor_out_point') -> None:
        super().__init__(event_ndims=3, dtype=dtype, name=name)

    def move(self, values: tf.Tensor) -> tf.Tensor:
        """Return the values unchanged."""
        return values

    def move_back(self, values: tf.Tensor) -> tf.Tensor:
        """Return the values unchanged."""
        return values


def contributions_at_factor_outs(
    flow: FlowBijector, x: tf.Tensor, condition: Condition | None = None
) -> list[tf.Tensor]:
    """Return the contributions to the log-determinant at each `FactorOutPoint` of a flow.

    Each result is `[batch, height, width, channels]`: the contribution, in nats, of each position
    of the image up to this point.

    Args:
        flow: a flow built with `Unsplit`.
        x: `[batch, height, width, channels]`.
        condition: `[batch, condition_dim]` or None.
    """
    found = []
    height = x.shape[1]

    def visit(path: tuple[str, ...], layer: FlowBijector, both: tf.Tensor) -> tf.Tensor:
        x, contributions = tf.split(both, 2, axis=0)
        if isinstance(layer, FactorOutPoint):
            found.append(_unsqueezed(contributions, height))
        return tf.concat(layer.forward_with_contributions(x, contributions, condition), axis=0)

    walk_leaves(flow, visit, tf.concat([x, tf.zeros_like(x)], axis=0))
    return found


def window_order(contributions: np.ndarray, num_leaving: int, keep_most: bool) -> np.ndarray:
    """Return the order of an `Arrangement` that keeps two positions of each window and channel.

    The channels of the result are the two positions that stay, in raster order, then those that
    leave: in raster order if they leave together, else the last to leave first. Ties go to the
    earlier position.

    Args:
        contributions: `[height, width, 4 c]` in the squeeze's order of channels.
        num_leaving: number of parts in which half of the dimensions leave, 1 or 2.
        keep_most: whether the positions with the largest contributions stay.

    Returns:
        Integers `[height, width, 4 c]`.
    """
    height, width, channels = contributions.shape
    windows = contributions.reshape(height, width, WINDOW, channels // WINDOW)
    ranked = np.argsort(-windows if keep_most else windows, axis=2, kind='stable')
    kept, leaving = np.sort(ranked[:, :, :2], axis=2), ranked[:, :, 2:]
    if num_leaving == 1:
        leaving = np.sort(leaving, axis=2)
    positions = np.concatenate([kept, leaving], axis=2)
    chosen = positions * (channels // WINDOW) + np.arange(channels // WINDOW)
    first = np.arange(height * width).reshape(height, width, 1) * channels
    return first + chosen.reshape(height, width, channels)


def _unsqueezed(values: tf.Tensor, full_height: int | None) -> tf.Tensor:
    """Return values `[batch, height, width, channels]` at the full height of the image."""
    height = values.shape[1]
    if height is None or full_height is None:
        raise ValueError(f'`x` must have a static height; got {full_height}.')
    while height < full_height:
        values, height = tf.nn.depth_to_space(values, 2), 2 * height
    return values
