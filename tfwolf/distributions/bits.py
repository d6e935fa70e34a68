"""From nats per image to bits per dimension: the only place with ln 2 and the width of a bin."""

from __future__ import annotations

import math

import tensorflow as tf

from tfwolf.core import validate


def bits_per_dim(nats: float | tf.Tensor, num_dims: int) -> float | tf.Tensor:
    """Returns nats / (num_dims ln 2): negative log-likelihood in nats per image as bits per
    dimension.

    Args:
        nats: number or tensor of any shape.
        num_dims: height * width * channels.
    """
    return nats / (num_dims * math.log(2.0))


def dequantization_nats(num_dims: int, num_bits: int) -> float:
    """Returns D log(2^n / 2), what a density of x in [-1, 1] owes to the width 2 / 2^n of a bin, in
    nats.

    With `x = (bin + u) / 2^n * 2 - 1` and u uniform, `-log p(bin) <= E[-log p(x)] + D log(2^n / 2)`
    (Theis, van den Oord and Bethge, "A note on the evaluation of generative models", 2016,
    arXiv:1511.01844, section 3.1)."""
    return num_dims * math.log(2.0 ** validate.num_bits(num_bits) / 2.0)


def standard_normal_log_prob(v: tf.Tensor) -> tf.Tensor:
    """Returns log N(v; 0, I), `[batch]`, in nats, for v `[batch, ...]`."""
    per_dim = -0.5 * (tf.square(v) + math.log(2 * math.pi))
    return tf.reduce_sum(per_dim, axis=list(range(1, v.shape.rank)))
