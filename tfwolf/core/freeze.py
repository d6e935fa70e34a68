"""Values that follow from weights: computed anew wherever they are used, until `freeze` makes them
weights themselves.

A model that trains has to compute a matrix's inverse again in every step; one that only serves can
store it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, overload

import tensorflow as tf

from tfwolf.core.variables import walk


class Derived:
    """An attribute of a module that is computed from its weights; `derived` makes it."""

    def __init__(self, compute: Callable[[Any], tf.Tensor], instead_of: Sequence[str]) -> None:
        self.compute = compute
        self.instead_of = instead_of
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner, name):
        self.name = name

    @overload
    def __get__(self, module: None, owner: type) -> Derived: ...
    @overload
    def __get__(self, module: object, owner: type | None = None) -> tf.Tensor: ...
    def __get__(self, module: object | None, owner: type | None = None) -> Derived | tf.Tensor:
        # No `__set__`: what `freeze` puts into the module's dictionary is found first, and this is
        # not asked any more.
        return self if module is None else self.compute(module)


def derived(*instead_of: str) -> Callable[[Callable[[Any], tf.Tensor]], Derived]:
    """Makes an attribute of the method below it.

    Args:
        instead_of: names of the weights that nobody needs once the attribute is stored.
    """
    return lambda compute: Derived(compute, instead_of)


def derived_attributes(root: Any) -> list[tuple[tuple[str, ...], Any, Derived]]:
    """Returns `[(path, module, Derived), ...]` for every attribute of the modules in `root`, in the
    order of `walk`.
    """
    return [
        (path, node, attribute) for path, node in walk(root) for attribute in _of_class(type(node))
    ]


def freeze(root: Any) -> None:
    """Stores every derived attribute of a model's modules as a weight; what they come from is not
    read any more, and no training is possible.

    A module with a method `freeze` of its own does it itself.
    """
    for _, node in walk(root):
        if hasattr(node, 'freeze'):
            node.freeze()
    for _, module, attribute in derived_attributes(root):
        module.__dict__[attribute.name] = tf.Variable(
            attribute.compute(module), trainable=False, name=attribute.name
        )


def _of_class(kind):
    return [
        value
        for base in reversed(kind.__mro__)
        for value in vars(base).values()
        if isinstance(value, Derived)
    ]
