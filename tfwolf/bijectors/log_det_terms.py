"""How the terms of a log-determinant, which broadcast to a layer's output, become its sum over an
image.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, Union

import tensorflow as tf


class SummedTerms(NamedTuple):
    """Terms whose sum is cheaper to compute directly.

    Attributes:
        total: their sum, `[batch]`, or a scalar for all images alike, in nats.
        spread: function that returns the terms as a tensor that broadcasts to the layer's output;
            called only where they are needed.
    """

    total: tf.Tensor
    spread: Callable[[], tf.Tensor]


# What each dimension of a layer's output contributes to log|det dy/dx|, in nats: something that
# broadcasts to y.
Terms = Union[tf.Tensor, tf.Variable, float, SummedTerms]


def sum_of_terms(terms: Terms, y: tf.Tensor) -> tf.Tensor:
    """Returns the log-determinant `[batch]`, in nats: the sum over each image of the terms,
    broadcast to y's shape.

    The sum is that of the small tensor, times how often each entry occurs; nothing of y's size is
    made.

    Args:
        terms: a tensor that broadcasts to y, a number, or `SummedTerms`.
        y: `[batch, ...]`, the layer's output.
    """
    if isinstance(terms, SummedTerms):
        return terms.total if terms.total.shape.rank else per_example(terms.total, y)
    if isinstance(terms, (int, float)) and terms == 0:
        return tf.zeros([batch_size(y)], y.dtype)
    terms = tf.convert_to_tensor(terms, y.dtype)
    missing = y.shape.rank - terms.shape.rank
    has_batch = missing == 0
    sizes = [1] * missing + terms.shape.as_list()
    times = math.prod(size for size, own in zip(y.shape[1:], sizes[1:]) if own == 1)
    axes = list(range(1 if has_batch else 0, terms.shape.rank))
    total = tf.reduce_sum(terms, axis=axes) if axes else terms
    if times != 1:
        total = times * total
    if not has_batch:
        return per_example(total, y)
    return per_example(total[0], y) if sizes[0] == 1 and y.shape[0] != 1 else total


def spread_terms(terms: Terms) -> tf.Tensor | tf.Variable | float:
    """Returns terms as something that broadcasts to the layer's output."""
    return terms.spread() if isinstance(terms, SummedTerms) else terms


def evenly_spread(log_det: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Returns terms `[batch, 1, ...]` that share a log-determinant `[batch]` evenly among the
    dimensions of x, `[batch, ...]`.
    """
    return tf.reshape(log_det / math.prod(x.shape[1:]), [-1] + [1] * (len(x.shape) - 1))


def sum_over_event(values: tf.Tensor) -> tf.Tensor:
    """Returns `[batch]`: the sum of `values` over all dimensions but the first."""
    return tf.reduce_sum(values, axis=list(range(1, values.shape.rank)))


def per_example(log_det: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Returns a scalar log-determinant repeated for every example of x, `[batch]`."""
    return tf.fill([batch_size(x)], log_det)


def batch_size(x: tf.Tensor) -> int | tf.Tensor:
    """Returns the number of examples of x, an integer where it is known, which saves a graph some
    nodes.
    """
    return tf.shape(x)[0] if x.shape[0] is None else x.shape[0]
