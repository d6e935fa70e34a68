"""A fixed re-arrangement of all dimensions of an image, decided before training (LCMA, section 3)."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfwolf.bijectors.reindexing import Reindexing


class Arrangement(Reindexing):
    """y_i = x_order[i] over the flattened event; log|det| = 0.

    The order is a weight that is not trained, so a checkpoint holds it. Until `decide` it is the
    identity and counts as undecided.

    Args:
        shape: (height, width, channels) of x.
        dtype: floating type.
    """

    def __init__(
        self, shape: tuple[int, int, int], dtype: tf.DType = tf.float32, name: str = 'arrangement'
    ) -> None:
        super().__init__(event_ndims=3, dtype=dtype, name=name)
        self.shape = tuple(shape)
        self.order = tf.Variable(
            np.arange(np.prod(self.shape)), dtype=tf.int32, trainable=False, name='order'
        )
        self.decided = tf.Variable(False, trainable=False, name='decided')

    def decide(self, order: np.ndarray) -> None:
        """Fixes the order.

        Args:
            order: integers of x's event shape: which entry of the flattened x goes to each place.

        Raises:
            ValueError: if it is not a permutation of all entries.
        """
        order = np.asarray(order)
        if order.shape != self.shape or not np.array_equal(
            np.sort(order, axis=None), np.arange(order.size)
        ):
            raise ValueError(
                f'`order` must hold each of 0 .. {np.prod(self.shape) - 1} once, in shape '
                f'{self.shape}; '
                f'got shape {order.shape}.'
            )
        self.order.assign(order.reshape(-1))
        self.decided.assign(True)

    def move(self, values: tf.Tensor) -> tf.Tensor:
        """Returns values `[batch, *shape]` in the new order."""
        return self._gather(values, self.order)

    def move_back(self, values: tf.Tensor) -> tf.Tensor:
        """Returns values `[batch, *shape]` in the old order."""
        return self._gather(values, tf.math.invert_permutation(self.order))

    def initialize(self, x: tf.Tensor, condition: tf.Tensor | None = None) -> None:
        """Checks that the order was decided.

        Raises:
            RuntimeError: if not.
        """
        if not self.decided.numpy():
            raise RuntimeError(
                'The factor-out by likelihood contribution has not been decided: phase 1 '
                '(lcma.phase1_steps) comes first. '
                '`python -m tfwolf.train` runs both phases.'
            )

    def _gather(self, values: tf.Tensor, order: tf.Tensor) -> tf.Tensor:
        return tf.reshape(
            tf.gather(tf.reshape(values, [-1, np.prod(self.shape)]), order, axis=1),
            [-1, *self.shape],
        )
