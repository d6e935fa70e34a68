"""The list of a model's variables, used alike for optimisation, checkpoints and counting.

A `tf.Module` does not find the variables of Keras layers, and a Keras model does not find
`tf.Variable`s. The graph of trackable objects, from which `tf.train.Checkpoint` saves, contains
both, so all functions of this module read that graph.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from tfwolf.core import validate
from tfwolf.core.pinned_keras import keras

VARIABLES = (tf.Variable, keras.Variable)


def named_variables(root: Any) -> list[tuple[tuple[str, ...], tf.Variable | keras.Variable]]:
    """Return `[(path, variable), ...]` for all variables in a checkpoint of `root`, in fixed order.

    A path is the tuple of attribute names (or list positions) that leads from `root` to the
    variable. A variable is a `tf.Variable` or a `keras.Variable`; one that is reachable by several
    paths is listed once.
    """
    return [(path, node) for path, node in walk(root) if isinstance(node, VARIABLES)]


def walk(root: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield `(path, node)` once for `root` and each object that it tracks.

    The order is that of `named_variables`.
    """
    seen = set()

    def visit(node: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
        if id(node) in seen:
            return
        seen.add(id(node))
        yield path, node
        if not isinstance(node, VARIABLES):
            for name, child in tf.train.TrackableView.children(node).items():
                yield from visit(child, path + (name,))

    return visit(root, ())


def trainable_variables(root: Any) -> list[tf.Variable | keras.Variable]:
    """Return the trainable variables of `root`, in the order of `named_variables`."""
    return [variable for _, variable in named_variables(root) if variable.trainable]


def as_tensorflow(variable: tf.Variable | keras.Variable) -> tf.Variable:
    """Return the `tf.Variable` inside a `keras.Variable`; a `tf.Variable` is returned unchanged."""
    return variable.value if isinstance(variable, keras.Variable) else variable


def count_parameters(root: Any) -> int:
    """Return the number of trainable scalars of `root`."""
    return sum(
        math.prod(validate.static_shape('variable', variable.shape))
        for variable in trainable_variables(root)
    )


class CompleteVariables:
    """Mixin, first base class of the library's modules, that lists all variables of a module.

    `variables` and `trainable_variables` include the variables of Keras layers.
    """

    @property
    def variables(self) -> tuple[tf.Variable | keras.Variable, ...]:
        """All variables, including those of Keras layers."""
        return tuple(variable for _, variable in named_variables(self))

    @property
    def trainable_variables(self) -> tuple[tf.Variable | keras.Variable, ...]:
        """The trainable variables, including those of Keras layers."""
        return tuple(trainable_variables(self))
