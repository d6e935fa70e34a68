"""The base class of layers that only reorder dimensions, such as permutations and squeezes."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.log_det_terms import Terms
from tfwolf.core import validate
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


def gather_dimensions(values: tf.Tensor, order: tf.Tensor | tf.Variable) -> tf.Tensor:
    """Return y_i = x_order[i] over the flattened dimensions of each image.

    Args:
        values: x, `[batch, ...]`, of static event shape.
        order: integers, the flat index in x of each dimension of y, in any shape.
    """
    shape = validate.static_shape('values', values.shape[1:])
    flat = _permuted(tf.reshape(values, [-1, math.prod(shape)]), tf.reshape(order, [-1]))
    return tf.reshape(flat, [-1, *shape])


def inverse_order(order: tf.Tensor | tf.Variable) -> tf.Tensor:
    """Return the flat order that undoes `gather_dimensions`, of the order's type."""
    return tf.math.invert_permutation(tf.reshape(order, [-1]))


@tf.custom_gradient
def _permuted(flat: tf.Tensor, order: tf.Tensor) -> Any:
    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None]:
        # TensorFlow's gradient of a gather adds up rows one by one, which is much slower.
        return tf.gather(upstream, inverse_order(order), axis=1), None

    return tf.gather(flat, order, axis=1), gradient
