"""The base class of layers that only reorder dimensions, such as permutations and squeezes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.log_det_terms import Terms
from tfwolf.core import validate
from tfwolf.core.custom_gradient import custom_gradient
from tfwolf.nets.condition import Condition


class Reindexing(FlowBijector):
    """y contains the entries of x in a different order or shape; log|det| = 0.

    A subclass defines `move` and `move_back`.
    """

    def move(self, values: tf.Tensor) -> tf.Tensor:
        """Return values of x's dimensions, `[batch, ...]`, at their positions in y."""
        raise NotImplementedError

    def move_back(self, values: tf.Tensor) -> tf.Tensor:
        """Return values of y's dimensions, `[batch, ...]`, at their positions in x."""
        raise NotImplementedError

    def _forward_terms(
        self, x: tf.Tensor, condition: Condition | None, training: bool
    ) -> tuple[tf.Tensor, Terms]:
        return self.move(x), 0.0

    def _inverse_terms(self, y: tf.Tensor, condition: Condition | None) -> tuple[tf.Tensor, Terms]:
        return self.move_back(y), 0.0

    def forward_with_contributions(
        self, x: tf.Tensor, contributions: tf.Tensor, condition: Condition | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Reorder x and its contributions; see `FlowBijector.forward_with_contributions`."""
        return self.move(x), self.move(contributions)


def is_permutation(order: np.ndarray) -> bool:
    """Return whether integers of any shape contain each of 0 .. size - 1 once."""
    return np.array_equal(np.sort(order, axis=None), np.arange(order.size))


def gather_dimensions(values: tf.Tensor, order: tf.Tensor, inverse: tf.Tensor) -> tf.Tensor:
    """Return y_i = x_order[i] over the flattened dimensions of each image.

    Args:
        values: x, `[batch, ...]`, of static event shape.
        order: integers `[num_dims]`, the flat index in x of each dimension of y.
        inverse: the order that undoes it.
    """
    shape = validate.static_shape('values', values.shape[1:])
    flat = gather_last(tf.reshape(values, [-1, math.prod(shape)]), order, inverse)
    return tf.reshape(flat, [-1, *shape])


@custom_gradient
def gather_last(values: tf.Tensor, order: tf.Tensor, inverse: tf.Tensor) -> Any:
    """Return `[..., n]` with the entries of the last axis in another order.

    Args:
        values: `[..., n]`.
        order: integers `[n]`.
        inverse: the order that undoes it.
    """

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None, None]:
        # TensorFlow's gradient of a gather adds up rows one by one, which is much slower.
        return tf.gather(upstream, inverse, axis=-1), None, None

    return tf.gather(values, order, axis=-1), gradient


def both_orders(order: tf.Tensor | tf.Variable) -> tuple[tf.Tensor, tf.Tensor]:
    """Return an order of any shape as `[n]`, and the order that undoes it."""
    flat = tf.reshape(order, [-1])
    return flat, tf.math.invert_permutation(flat)
