"""The squeeze: blocks of pixels, usually 2x2, become channels (Real NVP, section 3.6)."""

from __future__ import annotations

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.composite import Composite, Visit, VisitBack
from tfwolf.bijectors.reindexing import Reindexing
from tfwolf.core import validate

BLOCK = 2


def check_squeezable(height: int | None, width: int | None, block: int = BLOCK) -> None:
    """Raise a `ValueError` if a side of the image is unknown or no multiple of the block's."""
    if height is None or width is None:
        raise ValueError(
            f'`height` and `width` must be static where the flow squeezes {block}x{block} pixels; '
            f'got height={height}, width={width}.'
        )
    if height % block or width % block:
        rule = 'even' if block == BLOCK else f'multiples of {block}'
        raise ValueError(
            f'`height` and `width` must be {rule} where the flow squeezes {block}x{block} pixels; '
            f'got {height}x{width}. ' + _advice(block)
        )


def _advice(block: int) -> str:
    return (
        'Use images whose sides can be halved at every level, or a flow with fewer levels.'
        if block == BLOCK
        else 'Use images of another size, or smaller patches.'
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
        height, width = values.shape[1:3]
        check_squeezable(height, width)
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
    """Squeeze, an inner layer, unsqueeze: applies the inner layer at a lower resolution.

    Args:
        inner: the layer, on `[height / block, width / block, block^2 channels]`; it must keep that
            shape.
        block: side of the squares of pixels that become channels, in the order of
            `tf.nn.space_to_depth`.

    Raises:
        ValueError: when called, if the block does not divide the height and the width.
    """

    def __init__(self, inner: FlowBijector, name: str = 'squeezed', block: int = BLOCK) -> None:
        super().__init__(event_ndims=3, dtype=inner.dtype, name=name)
        self.inner = inner
        self.block = validate.integer('block', block, minimum=1)

    @property
    def parts(self) -> list[FlowBijector]:
        """The inner layer."""
        return [self.inner]

    def walk(self, visit: Visit, x: tf.Tensor) -> tf.Tensor:
        """Visit the inner layer at the lower resolution; see `Composite.walk`."""
        return self._unsqueeze(visit('inner', self.inner, self._squeeze(x)))

    def walk_back(self, visit: VisitBack, y: tf.Tensor) -> tf.Tensor:
        """Visit the inner layer at the lower resolution; see `Composite.walk_back`."""
        return self._unsqueeze(visit(self.inner, self._squeeze(y)))

    def _squeeze(self, x: tf.Tensor) -> tf.Tensor:
        height, width = x.shape[1:3]
        check_squeezable(height, width, self.block)
        return x if self.block == 1 else tf.nn.space_to_depth(x, self.block)

    def _unsqueeze(self, y: tf.Tensor) -> tf.Tensor:
        return y if self.block == 1 else tf.nn.depth_to_space(y, self.block)
