"""A fixed re-arrangement of all dimensions of an image, decided before training (LCMA, section 3)."""
import numpy as np
import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector, per_example


class Arrangement(FlowBijector):
    """y_i = x_order[i] over the flattened event; log|det| = 0.

    The order is a weight that is not trained, so a checkpoint holds it. Until `decide` it is the identity and counts as undecided.

    Args:
        shape: (height, width, channels) of x.
        dtype: floating type.
    """

    def __init__(self, shape, dtype=tf.float32, name='arrangement'):
        super().__init__(event_ndims=3, dtype=dtype, name=name)
        self.shape = tuple(shape)
        self.order = tf.Variable(np.arange(np.prod(self.shape)), dtype=tf.int32, trainable=False, name='order')
        self.decided = tf.Variable(False, trainable=False, name='decided')

    def decide(self, order):
        """Fixes the order.

        Args:
            order: integers of x's event shape: which entry of the flattened x goes to each place.

        Raises:
            ValueError: if it is not a permutation of all entries.
        """
        order = np.asarray(order)
        if order.shape != self.shape or not np.array_equal(np.sort(order, axis=None), np.arange(order.size)):
            raise ValueError(f'`order` must hold each of 0 .. {np.prod(self.shape) - 1} once, in shape {self.shape}; got shape {order.shape}.')
        self.order.assign(order.reshape(-1))
        self.decided.assign(True)

    def forward_and_log_det(self, x, condition=None):
        """Returns x in the new order, and 0."""
        return self._gather(x, self.order), per_example(tf.zeros([], self.dtype), x)

    def inverse_and_log_det(self, y, condition=None):
        """Returns y in the old order, and 0."""
        return self._gather(y, tf.math.invert_permutation(self.order)), per_example(tf.zeros([], self.dtype), y)

    def forward_with_contributions(self, x, contributions, condition=None):
        """As `FlowBijector.forward_with_contributions`: a dimension takes its contribution along."""
        return self._gather(x, self.order), self._gather(contributions, self.order)

    def initialize(self, x, condition=None):
        """Checks that the order was decided.

        Raises:
            RuntimeError: if not.
        """
        if not self.decided.numpy():
            raise RuntimeError('The factor-out by likelihood contribution has not been decided: phase 1 (lcma.phase1_steps) comes first. '
                               '`python -m tfwolf.train` runs both phases.')

    def _gather(self, values, order):
        return tf.reshape(tf.gather(tf.reshape(values, [-1, np.prod(self.shape)]), order, axis=1), [-1, *self.shape])
