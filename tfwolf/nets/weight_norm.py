"""Weight normalization: a weight as a direction and a length.

Source: Salimans and Kingma, "Weight Normalization", 2016, arXiv:1602.07868, equation 2.
"""

from __future__ import annotations

import tensorflow as tf

# Standard deviation of the initial directions.
DIRECTION_STDDEV = 0.05


def weight_norm(direction: tf.Tensor | tf.Variable, length: tf.Tensor | tf.Variable) -> tf.Tensor:
    """Return w = length * direction / |direction|, where the norm is taken per output channel.

    Args:
        direction: v, `[..., in, out]`, the kernel of a convolution or a dense layer; no output
            channel may be all zero.
        length: g, `[out]`; or `[n, out]` for n kernels, `[n, ..., in, out]`.
    """
    axes = list(range(length.shape.rank - 1, direction.shape.rank - 1))
    scale = length * tf.math.rsqrt(tf.reduce_sum(tf.square(direction), axis=axes))
    if length.shape.rank > 1:
        scale = tf.reshape(scale, [-1, *[1] * len(axes), scale.shape[-1]])
    return direction * scale
