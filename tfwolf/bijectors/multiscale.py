"""The multi-scale split: only some channels are transformed further (Real NVP, section 3.6)."""

from __future__ import annotations

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.composite import Composite, Visit, VisitBack


class MultiScaleSplit(Composite):
    """Applies a layer to channels `begin` to `end` of x and leaves the other channels unchanged.

    A flow that factors out channels nests these splits: the inner layer is the rest of the flow. v
    then has the image's shape. At each level, the factored-out channels follow those that were
    transformed further.

    Args:
        inner: the layer, on `end - begin` channels; it must keep their shape.
        begin: first transformed channel.
        end: one past the last transformed channel.
        channels: number of channels of x.

    Raises:
        ValueError: if not `0 <= begin < end <= channels`.
    """

    def __init__(
        self,
        inner: FlowBijector,
        begin: int,
        end: int,
        channels: int,
        name: str = 'multi_scale_split',
    ) -> None:
        if not 0 <= begin < end <= channels:
            raise ValueError(
                '`begin` and `end` must satisfy 0 <= begin < end <= channels; got '
                f'begin={begin}, end={end}, channels={channels}.'
            )
        super().__init__(event_ndims=3, dtype=inner.dtype, name=name)
        self.inner = inner
        self._sizes = (begin, end - begin, channels - end)

    @property
    def factors_out(self) -> bool:
        """Whether the unchanged channels are factored out: they follow the transformed channels."""
        return self._sizes[0] == 0 and self._sizes[2] > 0

    @property
    def parts(self) -> list[FlowBijector]:
        """The inner layer."""
        return [self.inner]

    def walk(self, visit: Visit, x: tf.Tensor) -> tf.Tensor:
        """Visit the inner layer on its channels; see `Composite.walk`."""
        before, part, after = tf.split(x, self._sizes, axis=-1)
        return tf.concat([before, visit('inner', self.inner, part), after], axis=-1)

    def walk_back(self, visit: VisitBack, y: tf.Tensor) -> tf.Tensor:
        """Visit the inner layer on its channels; see `Composite.walk_back`."""
        before, part, after = tf.split(y, self._sizes, axis=-1)
        return tf.concat([before, visit(self.inner, part), after], axis=-1)
