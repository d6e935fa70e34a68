"""Terms of a log-determinant, which broadcast to a layer's output, and their sum over an image."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf


class SummedTerms(NamedTuple):
    """Terms whose sum can be computed directly at lower cost.

    Attributes:
        total: the sum, `[batch]`, or a scalar if it is equal for all images, in nats.
        spread: function that returns the terms as a tensor that broadcasts to the layer's output;
            called only when the terms are needed.
    """

    total: tf.Tensor
    spread: Callable[[], tf.Tensor]


# The contribution of each dimension of a layer's output y to log|det dy/dx|, in nats; broadcasts to
# y.
Terms = tf.Tensor | tf.Variable | float | SummedTerms


def sum_of_terms(terms: Terms, y: tf.Tensor) -> tf.Tensor:
    """Return the log-determinant `[batch]`, in nats: the sum of the terms broadcast to y's shape.

    The unbroadcast tensor is summed and multiplied by the number of repetitions, so no tensor of
    y's size is created.

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
    times = tf.TensorShape(
        [size for size, own in zip(y.shape[1:], sizes[1:]) if own == 1]
    ).num_elements()
    axes = list(range(1 if has_batch else 0, terms.shape.rank))
    total = tf.reduce_sum(terms, axis=axes) if axes else terms
    if times != 1:
        total = times * total
    if not has_batch:
        return per_example(total, y)
    return per_example(total[0], y) if sizes[0] == 1 and y.shape[0] != 1 else total


def spread_terms(terms: Terms) -> tf.Tensor | tf.Variable | float:
    """Return terms as a tensor or number that broadcasts to the layer's output."""
    return terms.spread() if isinstance(terms, SummedTerms) else terms


def evenly_spread(log_det: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Return terms `[batch, 1, ...]` that spread a log-determinant `[batch]` evenly over x.

    Args:
        log_det: `[batch]`, in nats.
        x: `[batch, ...]`.
    """
    num_dims = tf.TensorShape(x.shape[1:]).num_elements()
    return tf.reshape(log_det / num_dims, [-1] + [1] * (len(x.shape) - 1))


def sum_over_event(values: tf.Tensor) -> tf.Tensor:
    """Return the sum of `values` over all dimensions but the first, `[batch]`."""
    return tf.reduce_sum(values, axis=list(range(1, values.shape.rank)))


def per_example(log_det: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Return a scalar log-determinant repeated for every example of x, `[batch]`."""
    return tf.fill([batch_size(x)], log_det)


def batch_size(x: tf.Tensor) -> int | tf.Tensor:
    """Return the number of examples of x, as an integer if it is static, to save graph nodes."""
    size = x.shape[0]
    return tf.shape(x)[0] if size is None else size
