"""Fixed permutations of channels: what Glow's figure 3 compares the 1x1 convolution with."""
import numpy as np
import tensorflow as tf

from tfwolf import seeds, validate
from tfwolf.bijectors.base import FlowBijector, per_example


class ChannelPermutation(FlowBijector):
    """y_c = x_order[c] for every channel; log|det| = 0.

    Args:
        order: integers `[channels]`, each of 0 .. channels - 1 once. Kept as a weight that is not trained, so that a checkpoint holds it.
        dtype: floating type of x.

    Raises:
        ValueError: if `order` is not a permutation.

    Reference: Kingma and Dhariwal, "Glow", 2018, arXiv:1807.03039, section 6.1 and figure 3.
    """

    def __init__(self, order, dtype=tf.float32, name='channel_permutation'):
        super().__init__(event_ndims=3, dtype=dtype, name=name)
        order = np.asarray(order)
        if sorted(order.tolist()) != list(range(len(order))):
            raise ValueError(f'`order` must hold each of 0 .. channels - 1 once; got {order.tolist()}.')
        self.order = tf.Variable(order, dtype=tf.int32, trainable=False, name='order')

    def forward_and_log_det(self, x, condition=None):
        """Returns x with its channels in the new order, and 0."""
        return tf.gather(x, self.order, axis=-1), per_example(tf.zeros([], self.dtype), x)

    def inverse_and_log_det(self, y, condition=None):
        """Returns y with its channels in the old order, and 0."""
        return tf.gather(y, tf.math.invert_permutation(self.order), axis=-1), per_example(tf.zeros([], self.dtype), y)

    def forward_with_contributions(self, x, contributions, condition=None):
        """As `FlowBijector.forward_with_contributions`: a channel takes its contribution along."""
        return tuple(tf.gather(values, self.order, axis=-1) for values in (x, contributions))


def reverse_channels(channels, seed=0, dtype=tf.float32):
    """Returns the permutation that reverses the order of the channels; the seed is not used."""
    return ChannelPermutation(np.arange(validate.integer('channels', channels, minimum=1))[::-1], dtype, name='reverse_channels')


def shuffle_channels(channels, seed=0, dtype=tf.float32):
    """Returns a fixed random permutation of the channels, drawn from the seed."""
    order = seeds.generator(seed, 'shuffle_channels').permutation(validate.integer('channels', channels, minimum=1))
    return ChannelPermutation(order, dtype, name='shuffle_channels')
