"""A layer on the dimensions of an image in another order."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.composite import Composite, Visit, VisitBack
from tfwolf.bijectors.reindexing import both_orders, gather_dimensions, is_permutation


class Reordered(Composite):
    """Reorders all dimensions of x, applies an inner layer, and restores the order.

    With an order that moves the dimensions of any set into the first channels, a coupling that
    splits by channels splits by this set: by a random choice of channels, or by pixels. Couplings
    with different splits then have the same structure, so `Repeat` can stack them.

    Args:
        order: integers of x's event shape, `[height, width, channels]`: the flat index in x of each
            dimension of the inner layer's input. Stored as a non-trainable weight, so that
            checkpoints contain it.
        inner: the layer; it must keep x's shape.

    Raises:
        ValueError: if `order` does not contain each index once.

    >>> order = np.arange(12)[::-1].reshape(2, 2, 3)
    >>> layer = tfwolf.Reordered(order, tfwolf.ActNorm(3))
    >>> layer.forward(tf.ones([5, 2, 2, 3])).shape
    TensorShape([5, 2, 2, 3])
    """

    def __init__(self, order: np.ndarray, inner: FlowBijector, name: str = 'reordered') -> None:
        super().__init__(event_ndims=3, dtype=inner.dtype, name=name)
        order = np.asarray(order)
        if order.ndim != 3 or not is_permutation(order):
            raise ValueError(
                '`order` must be [height, width, channels] and contain each of 0 .. '
                f'{order.size - 1} once; got shape {order.shape}.'
            )
        # TensorFlow keeps integers of 32 bits in the host's memory, not on a GPU.
        self.order = tf.Variable(tf.constant(order, tf.int64), trainable=False, name='order')
        self.inner = inner
        self.event_shape = tf.TensorShape(order.shape)

    @property
    def parts(self) -> list[FlowBijector]:
        """The inner layer."""
        return [self.inner]

    def walk(self, visit: Visit, x: tf.Tensor) -> tf.Tensor:
        """Visit the inner layer with the dimensions in its order; see `Composite.walk`."""
        order, inverse = both_orders(self.order)
        y = visit('inner', self.inner, gather_dimensions(x, order, inverse))
        return gather_dimensions(y, inverse, order)

    def walk_back(self, visit: VisitBack, y: tf.Tensor) -> tf.Tensor:
        """Visit the inner layer with the dimensions in its order; see `Composite.walk_back`."""
        order, inverse = both_orders(self.order)
        x = visit(self.inner, gather_dimensions(y, order, inverse))
        return gather_dimensions(x, inverse, order)
