"""Which dimensions leave a flow where it factors out, and which go on: by their place, at random,
or by likelihood
contribution.

A flow that factors out asks its `factor_out` for a layer that arranges the squeezed image `[height,
width, 4 c]` so
that the channels in front go on. The squeeze's order of channels is position-major: channel
    `position * c + channel`
with the four positions of a 2x2 window in raster order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.composite import walk_leaves
from tfwolf.bijectors.reindexing import Reindexing
from tfwolf.core import seeds, validate
from tfwolf.core.parts import register
from tfwolf.flows.arrangement import Arrangement

WINDOW = 4
Shape = Sequence[int]


class FactorOut(Protocol):
    """Which dimensions leave a flow.

    Attributes:
        splits: whether any leave.
        preparation: what has to come before training, or None; see `tfwolf.models.preparation`.
    """

    splits: bool
    preparation: Any | None

    def layers(
        self, shape: Shape, num_leaving: int, seed: int, dtype: tf.DType
    ) -> list[FlowBijector]:
        """Returns the layers that arrange an image `[height, width, 4 c]` so that the channels in
        front go on.

        Args:
            shape: (height, width, 4 c).
            num_leaving: in how many equal parts the leaving half leaves.
            seed, dtype: of the layers.
        """
        ...


@register
class Conventional:
    """Dimensions leave by their place alone: the last channels of the squeezed image (Real NVP,
    section 3.6).
    """

    splits: bool = True
    preparation: None = None

    def layers(
        self, shape: Shape, num_leaving: int, seed: int, dtype: tf.DType
    ) -> list[FlowBijector]:
        """Returns the list of layers that arrange the image: none."""
        return []


@register
class RandomHalves:
    """A random half of all dimensions leaves, with no regard to windows or contributions (LCMA,
    section 5.3).
    """

    splits: bool = True
    preparation: None = None

    def layers(
        self, shape: Shape, num_leaving: int, seed: int, dtype: tf.DType
    ) -> list[FlowBijector]:
        """Returns an `Arrangement` of `[height, width, 4 c]` that is decided by the seed.

        Args:
            shape: (height, width, 4 c).
            num_leaving: in how many equal parts the leaving half leaves, 1 or 2.
            seed, dtype: of the layer.
        """
        draw = seeds.generator(seed, 'random halves').permutation(np.prod(shape))
        layer = Arrangement(shape, dtype)
        layer.decide(_places_in_parts(np.split(draw, _cuts(len(draw), num_leaving)), shape))
        return [layer]


@register(name='lcma')
class LikelihoodContribution:
    """In each 2x2 window of each channel the two positions that contributed less to the
    log-determinant leave (LCMA).

    What they contribute is measured in phase 1 on a flow that factors nothing out; then `conclude`
    fixes the arrangements.

    Args:
        phase1_steps: training steps of phase 1.
        keep_most: whether the dimensions that contributed most go on (LCMA); else they leave first
            (the ablation `high`).

    Reference: Das, Abbeel and Spanos, "Likelihood Contribution based Multi-scale Architecture for
        Generative Flows",
    2019, arXiv:1908.01686, section 3.
    """

    splits: bool = True

    def __init__(self, phase1_steps: int, keep_most: bool = True) -> None:
        self.num_steps = validate.integer('phase1_steps', phase1_steps, minimum=1)
        self.keep_most = keep_most

    @property
    def preparation(self) -> LikelihoodContribution:
        """Itself: what has to come before training."""
        return self

    @property
    def flow_changes(self) -> dict[str, Any]:
        """Arguments that make the flow of phase 1 from the factory of this one."""
        return {'factor_out': Unsplit()}

    def measure(
        self, flow: FlowBijector, x: tf.Tensor, condition: tf.Tensor | None = None
    ) -> list[tf.Tensor]:
        """Returns what is averaged over the training images; see `contributions_at_factor_outs`."""
        return contributions_at_factor_outs(flow, x, condition)

    def layers(
        self, shape: Shape, num_leaving: int, seed: int, dtype: tf.DType
    ) -> list[FlowBijector]:
        """Returns an `Arrangement` of `[height, width, 4 c]` that phase 1 has to decide; arguments
        as in `RandomHalves.layers`.
        """
        if num_leaving not in (1, 2):
            raise ValueError(
                '`factor_out` by likelihood contribution needs levels that factor out once or '
                'twice; got '
                f'{num_leaving} times.'
            )
        layer = Arrangement(shape, dtype)
        layer.num_leaving = num_leaving
        return [layer]

    def conclude(self, flow: FlowBijector, contributions: Sequence[np.ndarray]) -> None:
        """Fixes the arrangements of a flow, the image's side first.

        Only dimensions that went on compete at the next factor-out; each is known by its place in
        the image.

        Args:
            flow: a flow built with this `factor_out`.
            contributions: for each factor-out the mean contribution of each place of the image,
                `[height, width, channels]`.
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

        # float64 counts exactly; places travel as images do.
        walk_leaves(
            flow, visit, tf.reshape(tf.range(np.prod(shape), dtype=tf.float64), [1, *shape])
        )
        if rest:
            raise ValueError(
                f'`contributions` must hold one array per factor-out; got {len(contributions)}, '
                f'{len(rest)} too many.'
            )


class Unsplit:
    """Nothing leaves: the flow of phase 1, in which every dimension goes through all layers."""

    splits: bool = False
    preparation: None = None

    def layers(
        self, shape: Shape, num_leaving: int, seed: int, dtype: tf.DType
    ) -> list[FlowBijector]:
        """Returns the mark at which contributions are measured."""
        return [FactorOutPoint(dtype)]


class FactorOutPoint(Reindexing):
    """The identity; marks in phase 1 the place of a factor-out."""

    def __init__(self, dtype: tf.DType = tf.float32, name: str = 'factor_out_point') -> None:
        super().__init__(event_ndims=3, dtype=dtype, name=name)

    def move(self, values: tf.Tensor) -> tf.Tensor:
        """Returns the values as they are."""
        return values

    def move_back(self, values: tf.Tensor) -> tf.Tensor:
        """Returns the values as they are."""
        return values


def contributions_at_factor_outs(
    flow: FlowBijector, x: tf.Tensor, condition: tf.Tensor | None = None
) -> list[tf.Tensor]:
    """Returns what each place of an image has contributed to the log-determinant at each
    `FactorOutPoint`.

    Each result is `[batch, height, width, channels]`.

    Args:
        flow: a flow built with `Unsplit`.
        x: `[batch, height, width, channels]`.
        condition: `[batch, condition_dim]` or None.
    """
    found = []

    def visit(path: tuple[str, ...], layer: FlowBijector, both: tf.Tensor) -> tf.Tensor:
        x, contributions = tf.split(both, 2, axis=0)
        if isinstance(layer, FactorOutPoint):
            found.append(_unsqueezed(contributions, both.shape[1], height))
        return tf.concat(layer.forward_with_contributions(x, contributions, condition), axis=0)

    height = x.shape[1]
    walk_leaves(flow, visit, tf.concat([x, tf.zeros_like(x)], axis=0))
    return found


def window_order(contributions: np.ndarray, num_leaving: int, keep_most: bool) -> np.ndarray:
    """Returns the order of an `Arrangement`, integers `[height, width, 4 c]`, that keeps two
    positions of each window of each channel.

    Channels of the result: the two that go on, in raster order; then those that leave: both in
        raster order if they
    leave together, else first the one that leaves last. Ties go to the earlier position.

    Args:
        contributions: `[height, width, 4 c]` in the squeeze's order of channels.
        num_leaving: in how many parts the leaving half leaves, 1 or 2.
        keep_most: whether the positions of most contribution go on.
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


def _cuts(total: int, num_leaving: int) -> list[int]:
    """Returns where the half that goes on ends, and where each part that leaves but the last does."""
    return [total // 2 + part * total // (2 * num_leaving) for part in range(num_leaving)]


def _places_in_parts(parts: Sequence[np.ndarray], shape: Shape) -> np.ndarray:
    """Returns the order `[height, width, 4 c]` with the entries of each part, as places of the
    unsqueezed image, in raster order.
    """
    height, width, channels = shape
    places = np.arange(np.prod(shape)).reshape(height, 2, width, 2, channels // WINDOW)
    squeezed = places.transpose(0, 2, 1, 3, 4).reshape(-1)
    position_of = np.argsort(squeezed)
    blocks = [position_of[np.sort(part)].reshape(height, width, -1) for part in parts]
    return np.concatenate(blocks, axis=-1)


def _unsqueezed(values: tf.Tensor, height: int, full_height: int) -> tf.Tensor:
    while height < full_height:
        values, height = tf.nn.depth_to_space(values, 2), 2 * height
    return values
