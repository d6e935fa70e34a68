"""The squeeze: blocks of 2x2 pixels become four times the channels (Real NVP, section 3.6)."""

from __future__ import annotations

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.composite import Composite, Visit, VisitBack
from tfwolf.bijectors.reindexing import Reindexing

BLOCK = 2


def check_squeezable(height: int | None, width: int | None) -> None:
    """Raise a `ValueError` if a side of the image is odd or unknown."""
    if height is None or width is None:
        raise ValueError(
            '`height` and `width` must be static where the flow squeezes 2x2 pixels; got '
            f'height={height}, width={width}.'
        )
    if height % BLOCK or width % BLOCK:
        raise ValueError(
            '`height` and `width` must be even where the flow squeezes 2x2 pixels; got '
            f'{height}x{width}. Use images whose sides can be halved at every level, or a flow '
            'with fewer levels.'
        )


class Squeeze(Reindexing):
    """`[height, width, c]` -> `[height / 2, width / 2, 4 c]`; log|det| = 0.

    The order of channels is that of `tf.nn.space_to_depth`.

    Raises:
        ValueError: when called, if the height or width is odd.
    """

    def __init__(self, dtype: tf.DType = tf.float32, name: str = 'squeeze') -> None:
        super().__init__(event_ndims=3, dtype=dtype, name=name)

    def move(self, values: tf.Tensor) -> tf.Tensor:
        """Return blocks of 2x2 pixels as 4 c channels."""
        check_squeezable(*values.shape[1:3])
        return tf.nn.space_to_depth(values, BLOCK)

    def move_back(self, values: tf.Tensor) -> tf.Tensor:
        """Return 4 c channels as blocks of 2x2 pixels."""
        return tf.nn.depth_to_space(values, BLOCK)

    def _forward_event_shape(self, shape: tf.TensorShape) -> tf.TensorShape:
        height, width, channels = shape
        return tf.TensorShape(
            [_over(height, BLOCK), _over(width, BLOCK), _times(channels, BLOCK**2)]
        )

    def _inverse_event_shape(self, shape: tf.TensorShape) -> tf.TensorShape:
        height, width, channels = shape
        return tf.TensorShape(
            [_times(height, BLOCK), _times(width, BLOCK), _over(channels, BLOCK**2)]
        )

    def _forward_event_shape_tensor(self, shape: tf.Tensor) -> tf.Tensor:
        return tf.stack([shape[0] // BLOCK, shape[1] // BLOCK, shape[2] * BLOCK**2])

    def _inverse_event_shape_tensor(self, shape: tf.Tensor) -> tf.Tensor:
        return tf.stack([shape[0] * BLOCK, shape[1] * BLOCK, shape[2] // BLOCK**2])


def _over(size: int | None, factor: int) -> int | None:
    return None if size is None else size // factor


def _times(size: int | None, factor: int) -> int | None:
    return None if size is None else size * factor


class Squeezed(Composite):
    """Squeeze, an inner layer, unsqueeze: applies the inner layer at half the resolution.

    Args:
        inner: the layer, on `[height / 2, width / 2, 4 channels]`; it must keep that shape.
    """

    def __init__(self, inner: FlowBijector, name: str = 'squeezed') -> None:
        super().__init__(event_ndims=3, dtype=inner.dtype, name=name)
        self.inner = inner

    @property
    def parts(self) -> list[FlowBijector]:
        """The inner layer."""
        return [self.inner]

    def walk(self, visit: Visit, x: tf.Tensor) -> tf.Tensor:
        """Visit the inner layer at half the resolution; see `Composite.walk`."""
        check_squeezable(*x.shape[1:3])
        return tf.nn.depth_to_space(
            visit('inner', self.inner, tf.nn.space_to_depth(x, BLOCK)), BLOCK
        )

    def walk_back(self, visit: VisitBack, y: tf.Tensor) -> tf.Tensor:
        """Visit the inner layer at half the resolution; see `Composite.walk_back`."""
        check_squeezable(*y.shape[1:3])
        return tf.nn.depth_to_space(visit(self.inner, tf.nn.space_to_depth(y, BLOCK)), BLOCK)
