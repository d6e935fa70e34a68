"""Conversion of nats per image to bits per dimension, and the correction for the bin width."""

from __future__ import annotations

import math
from typing import overload

import tensorflow as tf

from tfwolf.core import validate


@overload
def bits_per_dim(nats: float, num_dims: int) -> float: ...
@overload
def bits_per_dim(nats: tf.Tensor, num_dims: int) -> tf.Tensor: ...
def bits_per_dim(nats: float | tf.Tensor, num_dims: int) -> float | tf.Tensor:
    """Return nats / (num_dims ln 2): nats per image as bits per dimension.

    Args:
        nats: negative log-likelihood per image, a number or a tensor of any shape.
        num_dims: height * width * channels.
    """
    return nats / (num_dims * math.log(2.0))


def dequantization_nats(num_dims: int, num_bits: int) -> float:
    """Return D log(2^n / 2) in nats, the correction of a density of x in [-1, 1] for the bin width.

    The width of a bin is 2 / 2^n. With `x = (bin + u) / 2^n * 2 - 1` and u uniform, `-log p(bin) <=
    E[-log p(x)] + D log(2^n / 2)` (Theis, van den Oord and Bethge, "A note on the evaluation of
    generative models", 2016, arXiv:1511.01844, section 3.1).

    Args:
        num_dims: D, height * width * channels.
        num_bits: n, bits per color value.
    """
    return num_dims * math.log(2.0 ** validate.num_bits(num_bits) / 2.0)


def standard_normal_log_prob(v: tf.Tensor) -> tf.Tensor:
    """Return log N(v; 0, I), `[batch]`, in nats, for v `[batch, ...]`."""
    per_dim = standard_normal_log_prob_per_dim(v)
    return tf.reduce_sum(per_dim, axis=list(range(1, v.shape.rank)))


def standard_normal_log_prob_per_dim(v: tf.Tensor) -> tf.Tensor:
    """Return log N(v; 0, 1) of each entry, in nats, of v's shape."""
    return -0.5 * (tf.square(v) + math.log(2 * math.pi))
