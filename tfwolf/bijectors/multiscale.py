"""The multi-scale split: some channels are transformed further, the others have left (Real NVP,
section 3.6).
"""

from __future__ import annotations

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.composite import Composite, Visit, VisitBack


class MultiScaleSplit(Composite):
    """Applies a layer to channels `begin` to `end` of x and passes the others on unchanged, in
    their places.

    A flow that factors channels out is a nest of these: the layer inside is the rest of the flow. v
        then has the
    image's shape, the parts that left at each level behind the part that went on.

    Args:
        inner: the layer, on `end - begin` channels; it keeps their shape.
        begin: first channel of the part that is transformed.
        end: one past its last channel.
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
                f'`begin` and `end` must satisfy 0 <= begin < end <= channels; got begin={begin}, '
                f'end={end}, '
                f'channels={channels}.'
            )
        super().__init__(event_ndims=3, dtype=inner.dtype, name=name)
        self.inner = inner
        self._sizes = (begin, end - begin, channels - end)

    @property
    def factors_out(self) -> bool:
        """Whether the channels that are passed on have left the flow: those in front go on, as
        everywhere in v.
        """
        return self._sizes[0] == 0 and self._sizes[2] > 0

    @property
    def parts(self) -> list[FlowBijector]:
        """The layer inside."""
        return [self.inner]

    def walk(self, visit: Visit, x: tf.Tensor) -> tf.Tensor:
        """As `Composite.walk`: visits the inner layer on its channels."""
        before, part, after = tf.split(x, self._sizes, axis=-1)
        return tf.concat([before, visit('inner', self.inner, part), after], axis=-1)

    def walk_back(self, visit: VisitBack, y: tf.Tensor) -> tf.Tensor:
        """As `Composite.walk_back`: visits the inner layer on its channels."""
        before, part, after = tf.split(y, self._sizes, axis=-1)
        return tf.concat([before, visit(self.inner, part), after], axis=-1)
