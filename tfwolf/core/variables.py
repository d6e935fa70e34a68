"""The one list of a model's variables: what is optimised, checkpointed and counted is the same set.

A `tf.Module` overlooks Keras layers and a Keras model overlooks `tf.Variable`s, both silently. The
trackable graph, from which `tf.train.Checkpoint` saves, sees them all, so it is what everything
here reads."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

VARIABLES = (tf.Variable, keras.Variable)


def named_variables(root: Any) -> list[tuple[tuple[str, ...], tf.Variable | keras.Variable]]:
    """Returns `[(path, variable), ...]` for every variable that a checkpoint of `root` holds, in a
    fixed order.

    A path is the tuple of attribute names (or list positions) that leads from `root` to the
    variable. A variable is a `tf.Variable` or a `keras.Variable`; one that can be reached by
    several paths is listed once."""
    return [(path, node) for path, node in walk(root) if isinstance(node, VARIABLES)]


def walk(root: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yields `(path, node)` for `root` and everything that it tracks, in the order of
    `named_variables`; each node once.
    """
    seen = set()

    def visit(node, path):
        if id(node) in seen:
            return
        seen.add(id(node))
        yield path, node
        if not isinstance(node, VARIABLES):
            for name, child in tf.train.TrackableView.children(node).items():
                yield from visit(child, path + (name,))

    return visit(root, ())


def trainable_variables(root: Any) -> list[tf.Variable | keras.Variable]:
    """Returns the variables of `root` that an optimizer updates, in the order of `named_variables`."""
    return [variable for _, variable in named_variables(root) if variable.trainable]


def as_tensorflow(variable: tf.Variable | keras.Variable) -> tf.Variable:
    """Returns the `tf.Variable` of a `keras.Variable`, and a `tf.Variable` as it is."""
    return variable.value if isinstance(variable, keras.Variable) else variable


def count_parameters(root: Any) -> int:
    """Returns the number of trainable scalars of `root`."""
    return sum(math.prod(variable.shape) for variable in trainable_variables(root))


class CompleteVariables:
    """First base class of every module of ours: its `variables` are the ones that `named_variables`
    finds.
    """

    @property
    def variables(self) -> tuple[tf.Variable | keras.Variable, ...]:
        """All variables, Keras ones included."""
        return tuple(variable for _, variable in named_variables(self))

    @property
    def trainable_variables(self) -> tuple[tf.Variable | keras.Variable, ...]:
        """The trainable variables, Keras ones included."""
        return tuple(trainable_variables(self))
