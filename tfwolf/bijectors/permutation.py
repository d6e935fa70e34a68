"""Fixed permutations of channels, the baselines of the 1x1 convolution (Glow, figure 3)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfwolf.bijectors.reindexing import Reindexing, both_orders, gather_last, is_permutation
from tfwolf.core import seeds, validate
from tfwolf.core.parts import register


class ChannelPermutation(Reindexing):
    """y_c = x_order[c] for every channel; log|det| = 0.

    Args:
        order: integers `[channels]`, each of 0 .. channels - 1 once. Stored as a non-trainable
            weight, so that checkpoints contain it.
        dtype: floating type of x.

    Raises:
        ValueError: if `order` is not a permutation.

    Reference: Kingma and Dhariwal, "Glow", 2018, arXiv:1807.03039, section 6.1 and figure 3.
    """

    def __init__(
        self,
        order: Sequence[int] | np.ndarray,
        dtype: tf.DType = tf.float32,
        name: str = 'channel_permutation',
    ) -> None:
        super().__init__(event_ndims=3, dtype=dtype, name=name)
        order = np.asarray(order)
        if order.ndim != 1 or not is_permutation(order):
            raise ValueError(
                f'`order` must contain each of 0 .. channels - 1 once; got {order.tolist()}.'
            )
        self.order = tf.Variable(tf.constant(order, tf.int32), trainable=False, name='order')

    def move(self, values: tf.Tensor) -> tf.Tensor:
        """Return values `[..., channels]` in the new order."""
        return gather_last(values, *both_orders(self.order))

    def move_back(self, values: tf.Tensor) -> tf.Tensor:
        """Return values `[..., channels]` in the original order."""
        order, inverse = both_orders(self.order)
        return gather_last(values, inverse, order)


@register
def reverse_channels(
    channels: int, seed: int = 0, dtype: tf.DType = tf.float32
) -> ChannelPermutation:
    """Return the permutation that reverses the channels; the seed is not used."""
    return ChannelPermutation(
        np.arange(validate.integer('channels', channels, minimum=1))[::-1],
        dtype,
        name='reverse_channels',
    )


@register
def shuffle_channels(
    channels: int, seed: int = 0, dtype: tf.DType = tf.float32
) -> ChannelPermutation:
    """Return a fixed random permutation of the channels, drawn from the seed."""
    order = seeds.generator(seed, 'shuffle_channels').permutation(
        validate.integer('channels', channels, minimum=1)
    )
    return ChannelPermutation(order, dtype, name='shuffle_channels')
