"""Weight normalisation: a weight as a direction and a length (Salimans and Kingma, 2016,
arXiv:1602.07868, equation
2).
"""

from __future__ import annotations

import tensorflow as tf

# Standard deviation of the initial directions.
DIRECTION_STDDEV = 0.05


def weight_norm(direction: tf.Tensor | tf.Variable, length: tf.Tensor | tf.Variable) -> tf.Tensor:
    """Returns w = length * direction / |direction|, the norm taken per output channel.

    Args:
        direction: v, `[..., in, out]`: a kernel of a convolution or a dense layer; no output
            channel all zero.
        length: g, `[out]`.
    """
    axes = list(range(direction.shape.rank - 1))
    return direction * (length * tf.math.rsqrt(tf.reduce_sum(tf.square(direction), axis=axes)))
