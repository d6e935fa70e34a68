"""A flow on integers: the walk through its layers, each in its integer form."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.composite import Composite, leaves
from tfwolf.coding import affine_layers, fixed_layers  # noqa: F401  (they register themselves)
from tfwolf.coding.integer_layer import Coder, integer_layer
from tfwolf.nets.condition import Condition


def check_codable(flow: FlowBijector) -> None:
    """Check that all layers of a flow have an integer form.

    Raises:
        ValueError: naming the first layer without one.
    """
    for leaf in leaves(flow):
        integer_layer(leaf)


def forward(
    flow: FlowBijector, x: np.ndarray, condition: Condition | None, coder: Coder
) -> np.ndarray:
    """Return v, int64 `[batch, ...]`, the integers of f(x).

    The networks run once, on the whole batch. The stack gains the bits of the log-determinant's
    negative: it is shorter afterwards if the flow expands.

    Args:
        flow: f.
        x: integers on the coder's grid, int64 `[batch, ...]`.
        condition: of the flow.
        coder: the `Coder`.

    Raises:
        ValueError: if a layer has no integer form, or computes values that are not finite.
    """

    def visit(layer: FlowBijector, x: tf.Tensor) -> tf.Tensor:
        if isinstance(layer, Composite):
            return layer.walk(lambda name, inner, x: visit(inner, x), x)
        return tf.constant(integer_layer(layer).forward(x.numpy(), condition, coder))

    return visit(flow, tf.constant(x)).numpy()


def inverse(
    flow: FlowBijector, v: np.ndarray, condition: Condition | None, coder: Coder
) -> np.ndarray:
    """Return the x of `forward` and leave the stack as it was before.

    It is exact if the networks compute the same numbers: for a batch of the same size, on the same
    machine. Arguments and errors are those of `forward`.
    """

    def visit(layer: FlowBijector, y: tf.Tensor) -> tf.Tensor:
        if isinstance(layer, Composite):
            return layer.walk_back(visit, y)
        return tf.constant(integer_layer(layer).inverse(y.numpy(), condition, coder))

    return visit(flow, tf.constant(v)).numpy()
