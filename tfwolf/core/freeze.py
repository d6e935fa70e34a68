"""Attributes that are derived from weights, and `freeze`, which stores them as weights.

During training a derived value, such as the inverse of a matrix, is recomputed in every step. A
model that is only served can store it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, overload

import tensorflow as tf

from tfwolf.core.variables import walk


class Derived:
    """A module attribute that is computed from the weights.

    It is created by `derived`, or by `prepared` if `freeze` does not store it.
    """

    def __init__(
        self,
        compute: Callable[..., tf.Tensor],
        instead_of: Sequence[str],
        stacks: bool = False,
        factorizes: bool = False,
        stored: bool = True,
        of_condition: bool = False,
    ) -> None:
        self.compute = compute
        self.instead_of = instead_of
        self.stacks = stacks
        self.factorizes = factorizes
        self.stored = stored
        self.of_condition = of_condition
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, module: None, owner: type | None = None) -> Derived: ...

    @overload
    def __get__(self, module: object, owner: type | None = None) -> Any: ...

    def __get__(self, module: object, owner: type | None = None) -> Any:
        # There is no `__set__`, so an entry that `freeze` puts into the module's `__dict__` takes
        # precedence over this descriptor.
        if module is None:
            return self
        return (
            functools.partial(self.compute, module) if self.of_condition else self.compute(module)
        )


def derived(
    *instead_of: str, stacks: bool = False, factorizes: bool = False
) -> Callable[[Callable[[Any], tf.Tensor]], Derived]:
    """Return a decorator that turns a method into a derived attribute.

    Args:
        *instead_of: names of the weights that are no longer needed once the attribute is stored.
        stacks: whether the method also accepts an object whose weights are stacked, `[n, ...]`, and
            then returns the values of n modules, `[n, ...]`.
        factorizes: whether the method factorizes matrices, at which XLA is slow.
    """
    return lambda compute: Derived(compute, instead_of, stacks, factorizes)


def prepared(
    *instead_of: str, of_condition: bool = False
) -> Callable[[Callable[..., tf.Tensor]], Derived]:
    """Return a decorator for a derived attribute in the type and layout of a computation.

    It can be computed for stacked weights, as with `stacks` of `derived`, and `freeze` does not
    store it.

    Args:
        *instead_of: names of the weights and derived attributes that it is computed from.
        of_condition: whether it is a method instead of an attribute, which also takes the condition
            of the layers, and their input x to check the condition against.
    """
    return lambda compute: Derived(
        compute, instead_of, stacks=True, stored=False, of_condition=of_condition
    )


def derived_attributes(root: Any) -> list[tuple[tuple[str, ...], Any, Derived]]:
    """Return `[(path, module, Derived), ...]` for all attributes in `root` that `freeze` stores.

    The modules are in the order of `walk`.
    """
    return [found for found in _all_derived(root) if found[-1].stored]


def stacked_attributes(root: Any) -> list[tuple[Any, Derived]]:
    """Return `[(module, Derived), ...]` for all attributes in `root` that accept stacked weights.

    Attributes that others are computed from come before these.
    """
    return [(module, found) for _, module, found in _all_derived(root) if found.stacks]


def freeze(root: Any) -> None:
    """Store all derived attributes of a model's modules as weights.

    The weights that they were computed from are no longer read, so the model cannot be trained
    afterwards. A module with its own `freeze` method is frozen by that method as well.
    """
    for _, node in walk(root):
        if hasattr(node, 'freeze'):
            node.freeze()
    for _, module, attribute in derived_attributes(root):
        module.__dict__[attribute.name] = tf.Variable(
            attribute.compute(module), trainable=False, name=attribute.name
        )


def _all_derived(root: Any) -> list[tuple[tuple[str, ...], Any, Derived]]:
    return [
        (path, node, attribute) for path, node in walk(root) for attribute in _of_class(type(node))
    ]


def _of_class(kind: type) -> list[Derived]:
    return [
        value
        for base in reversed(kind.__mro__)
        for value in vars(base).values()
        if isinstance(value, Derived)
    ]
