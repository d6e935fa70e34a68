"""What compiled layers read in place of their weights, computed for all stacked layers at once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, cast

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.template import Template
from tfwolf.core.compilation import CompiledFunctions
from tfwolf.core.freeze import Derived, stacked_attributes
from tfwolf.nets.condition import Condition, tensors_of

# A module and the name of its attribute, as in `Template.slots`.
_Slot = tuple[Any, str]
_Attributes = list[tuple[Any, Derived]]


class StackedWeights(NamedTuple):
    """Weights of n layers for one of their methods, `[n, ...]` each.

    Attributes:
        read: what the layers read: weights, and results of factorisations.
        sources: weights from which `PreparedWeights.prepare` computes what else they read.
    """

    read: list[tf.Tensor]
    sources: list[tf.Tensor]


class PreparedWeights:
    """Computes what layers read in place of weights.

    These are derived attributes (see `tfwolf.core.freeze`) that accept stacked weights: kernels in
    the type and layout of their products, and maps of the condition. A function that XLA compiles
    computes them for all layers, by a few operations instead of several in each layer.
    Factorisations of matrices are left to TensorFlow, because XLA is slow at them.

    Args:
        template: the layer without its weights.
    """

    def __init__(self, template: Template) -> None:
        self._template = template
        self._functions = CompiledFunctions()

    def of(self, method: str, weights: Sequence[tf.Tensor]) -> StackedWeights:
        """Return the `StackedWeights` for a method.

        Args:
            method: the method that will be called.
            weights: stacked weights, in the order of the template's slots.
        """
        with tf.name_scope('derived'), self._template.bound(weights):
            factorized = [
                attribute.compute(module) for module, attribute in self._factorized(method)
            ]
        used = _names(self._prepared)
        read, sources = [], []
        for slot, value in zip(self._template.slots, weights, strict=True):
            (sources if _name(slot) in used else read).append(value)
        return StackedWeights([*read, *factorized], sources)

    def prepare(
        self, sources: Sequence[tf.Tensor], condition: Condition | None, x: tf.Tensor
    ) -> list[tf.Tensor]:
        """Return what is computed from `StackedWeights.sources`, `[n, ...]` each.

        Args:
            sources: weights, `[n, ...]` each.
            condition: the condition of the layers.
            x: images of the same batch, `[batch, ...]`.
        """
        if not sources:
            return []
        with tf.name_scope('derived'):
            return self._functions.call('prepare', self._prepare, list(sources), condition, x)

    def gradients(
        self,
        sources: Sequence[tf.Tensor],
        condition: Condition | None,
        x: tf.Tensor,
        of_prepared: Sequence[Sequence[tf.Tensor]],
    ) -> tuple[list[tf.Tensor | None], list[tf.Tensor | None]]:
        """Return the gradients of the condition's tensors, and of the sources, `[n, ...]` each.

        Args:
            sources, condition, x: as of `prepare`.
            of_prepared: for each of n layers, the gradients of what was prepared.
        """
        if not sources:
            return [None] * len(tensors_of(condition)), []
        arguments = list(sources), condition, x, [list(row) for row in of_prepared]
        with tf.name_scope('derived'):
            return self._functions.call('gradients', self._gradients, *arguments)

    @contextlib.contextmanager
    def bound(self, method: str, weights: Sequence[tf.Tensor]) -> Iterator[FlowBijector]:
        """Bind the weights of one layer for the duration of a `with` block.

        Args:
            method: the method that is called within it.
            weights: `StackedWeights.read` and what was prepared, without the first dimension.
        """
        prepared = self._prepared
        used = _names(prepared)
        slots = [
            *(slot for slot in self._template.slots if _name(slot) not in used),
            *((module, found.name) for module, found in self._factorized(method)),
        ]
        values: list[Any] = list(weights)
        for place, (module, found) in enumerate(prepared, start=len(slots)):
            slots.append((module, found.name))
            if found.of_condition:
                values[place] = _always(values[place])
        with self._template.bound(values, slots) as layer:
            yield layer

    @property
    def num_prepared(self) -> int:
        """Number of prepared tensors."""
        return len(self._prepared)

    @property
    def _prepared(self) -> _Attributes:
        """The attributes that XLA computes and layers read, except those that others replace."""
        given = {_name(slot) for slot in self._template.slots}
        found = [
            (module, each)
            for module, each in self._not_stored
            if not each.factorizes and any((id(module), name) in given for name in each.instead_of)
        ]
        replaced = _names(found)
        return [pair for pair in found if (id(pair[0]), pair[1].name) not in replaced]

    @property
    def _not_stored(self) -> _Attributes:
        """The attributes that can be computed for stacked weights, and that are no weights yet."""
        given = {_name(slot) for slot in self._template.slots}
        return [
            (module, found)
            for module, found in stacked_attributes(self._template.layer)
            if (id(module), found.name) not in given
        ]

    def _factorized(self, method: str) -> _Attributes:
        return [
            (module, attribute)
            for module, attribute in self._not_stored
            if attribute.factorizes
            and (method.startswith('inverse') or attribute.name != 'inverse')
        ]

    def _prepare(
        self, sources: Sequence[tf.Tensor], condition: Condition | None, x: tf.Tensor
    ) -> list[tf.Tensor]:
        prepared = self._prepared
        used = _names(prepared)
        slots = [slot for slot in self._template.slots if _name(slot) in used]
        with self._template.bound(sources, slots):
            return [
                found.compute(module, condition, x) if found.of_condition else found.compute(module)
                for module, found in prepared
            ]

    def _gradients(
        self,
        sources: Sequence[tf.Tensor],
        condition: Condition | None,
        x: tf.Tensor,
        of_prepared: Sequence[Sequence[tf.Tensor]],
    ) -> tuple[list[tf.Tensor | None], list[tf.Tensor | None]]:
        given = tensors_of(condition)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([*given, *sources])
            prepared = self._prepare(sources, condition, x)
        upstream = [tf.stack(rows) for rows in zip(*of_prepared)]
        found = cast(list[Any], tape.gradient(prepared, [*given, *sources], upstream))
        return found[: len(given)], found[len(given) :]


def _always(value: tf.Tensor) -> Callable[..., tf.Tensor]:
    return lambda condition, x: value


def _name(slot: _Slot) -> tuple[int, str]:
    return id(slot[0]), slot[1]


def _names(attributes: _Attributes) -> set[tuple[int, str]]:
    """Return what attributes are computed from."""
    return {(id(module), name) for module, found in attributes for name in found.instead_of}
