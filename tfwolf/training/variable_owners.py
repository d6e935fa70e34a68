"""Which module or layer of a model holds a variable, also of the layers that `Repeat` stacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from tfwolf.bijectors.repeat import Repeat
from tfwolf.core.pinned_keras import keras
from tfwolf.core.variables import VARIABLES, walk


class Owned(NamedTuple):
    """A variable and where it is.

    Attributes:
        path: as in `named_variables`, with parts separated by `/`.
        variable: the variable.
        owner: the module or layer that holds it; in a `Repeat`, the one of its template.
        attribute: name of the attribute of the owner that is the variable, or holds it in a list.
        is_stacked: whether a `Repeat` has stacked it: the leading axis counts the layers.
    """

    path: str
    variable: tf.Variable | keras.Variable
    owner: Any
    attribute: str
    is_stacked: bool


def owned_variables(root: Any) -> Iterator[Owned]:
    """Yield an `Owned` for each variable of `root`, in the order of `named_variables`.

    Args:
        root: a model, or another object that TensorFlow tracks.
    """
    nodes: dict[tuple[str, ...], Any] = {}
    for path, node in walk(root):
        nodes[path] = node
        if not isinstance(node, VARIABLES):
            continue
        place = len(path) - 1
        while place > 0 and not _is_owner(nodes[path[:place]]):
            place -= 1
        owner, attribute = nodes[path[:place]], path[place]
        is_stacked = isinstance(owner, Repeat)
        if isinstance(owner, Repeat):
            owner, attribute = _owner_in_layer(owner.parts[0], path[-1].split('.'))
        yield Owned('/'.join(path), node, owner, attribute, is_stacked)


def _owner_in_layer(layer: Any, path: Sequence[str]) -> tuple[Any, str]:
    """Return owner and attribute of a weight that a `Repeat` has taken out of its template."""
    owner, attribute, node = layer, path[0], layer
    for name, following in zip(path, path[1:]):
        node = node[int(name)] if isinstance(node, (list, tuple)) else getattr(node, name)
        if _is_owner(node):
            owner, attribute = node, following
    return owner, attribute


def _is_owner(node: Any) -> bool:
    return isinstance(node, (tf.Module, keras.layers.Layer))
