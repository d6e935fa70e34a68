"""A fixed permutation of all dimensions of an image, chosen before training (LCMA, section 3)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfwolf.bijectors.reindexing import Reindexing, both_orders, gather_dimensions, is_permutation
from tfwolf.nets.condition import Condition


class Arrangement(Reindexing):
    """y_i = x_order[i] over the flattened event; log|det| = 0.

    The order is a non-trainable weight, so that checkpoints contain it. It is the identity and
    counts as undecided until `decide` is called.

    Args:
        shape: (height, width, channels) of x.
        dtype: floating type.
        num_leaving: number of equal parts in which half of the dimensions leave the flow.
    """

    def __init__(
        self,
        shape: Sequence[int],
        dtype: tf.DType = tf.float32,
        name: str = 'arrangement',
        num_leaving: int = 1,
    ) -> None:
        super().__init__(event_ndims=3, dtype=dtype, name=name)
        self.shape = tuple(shape)
        self.num_leaving = num_leaving
        identity = tf.constant(np.arange(np.prod(self.shape)), tf.int32)
        self.order = tf.Variable(identity, trainable=False, name='order')
        self.decided = tf.Variable(tf.constant(False), trainable=False, name='decided')

    def decide(self, order: np.ndarray) -> None:
        """Set the order.

        Args:
            order: integers of x's event shape; the flat index in x of each entry of y.

        Raises:
            ValueError: if it is not a permutation of all entries.
        """
        order = np.asarray(order)
        if order.shape != self.shape or not is_permutation(order):
            raise ValueError(
                f'`order` must contain each of 0 .. {np.prod(self.shape) - 1} once, in shape '
                f'{self.shape}; got shape {order.shape}.'
            )
        self.order.assign(order.reshape(-1))
        self.decided.assign(True)

    def move(self, values: tf.Tensor) -> tf.Tensor:
        """Return values `[batch, *shape]` in the new order."""
        return gather_dimensions(values, *both_orders(self.order))

    def move_back(self, values: tf.Tensor) -> tf.Tensor:
        """Return values `[batch, *shape]` in the original order."""
        order, inverse = both_orders(self.order)
        return gather_dimensions(values, inverse, order)

    def initialize(self, x: tf.Tensor, condition: Condition | None = None) -> None:
        """Check that the order has been decided.

        Raises:
            RuntimeError: if it has not.
        """
        if not self.decided.numpy():
            raise RuntimeError(
                'The factor-out by likelihood contribution has not been decided. Run phase 1 '
                '(lcma.phase1_steps) first; `tfwolf train` runs both phases.'
            )
