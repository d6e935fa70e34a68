"""What compiled layers read in place of their weights, computed for all stacked layers at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import tensorflow as tf

from tfwolf.bijectors.template import Template
from tfwolf.core.compilation import CompiledFunctions
from tfwolf.core.freeze import Derived, stacked_attributes

# A module and the name of its attribute, as in `Template.slots`.
Slot = tuple[Any, str]
_Attributes = list[tuple[Any, Derived]]
# The weights of one layer: each a tensor, or in a tuple of one the stacked tensor of all layers.
LayerWeights = list[tf.Tensor | tuple[tf.Tensor]]
# TensorFlow takes a row of a stacked tensor without a copy if rows are multiples of so many bytes.
ALIGNMENT = 64


class StackedWeights(NamedTuple):
    """Weights of n layers for one of their methods, `[n, ...]` each.

    Attributes:
        read: what the layers read: weights, and results of factorisations.
        sources: weights from which `PreparedWeights.prepare` computes what the layers read besides.
    """

    read: list[tf.Tensor]
    sources: list[tf.Tensor]


class PreparedWeights:
    """Computes what layers read in place of weights.

    These are derived attributes (see `tfwolf.core.freeze`) that accept stacked weights. A function
    that XLA compiles computes them for all layers, such as kernels in the type and layout of their
    products: a few operations instead of several in each layer. Factorisations of matrices are left
    to TensorFlow, because XLA is slow at them.

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

    def prepare(self, sources: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Return what is computed from `StackedWeights.sources`, `[n, ...]` each."""
        if not sources:
            return []
        with tf.name_scope('derived'):
            return self._functions.call('prepare', self._prepare, list(sources))

    def gradients(
        self, sources: Sequence[tf.Tensor], of_prepared: Sequence[Sequence[tf.Tensor]]
    ) -> list[tf.Tensor]:
        """Return the gradients of `StackedWeights.sources`, `[n, ...]` each.

        Args:
            sources: as of `prepare`.
            of_prepared: for each of n layers, the gradients of what was prepared.
        """
        if not sources:
            return []
        with tf.name_scope('derived'):
            rows = [list(row) for row in of_prepared]
            return self._functions.call('gradient', self._gradients, list(sources), rows)

    def slots(self, method: str) -> list[Slot]:
        """Return where a method reads `StackedWeights.read` and what is prepared, in this order."""
        used = _names(self._prepared)
        return [
            *(slot for slot in self._template.slots if _name(slot) not in used),
            *((module, found.name) for module, found in self._factorized(method)),
            *((module, found.name) for module, found in self._prepared),
        ]

    @property
    def num_prepared(self) -> int:
        """Number of prepared tensors, the last ones of `slots`."""
        return len(self._prepared)

    @property
    def _prepared(self) -> _Attributes:
        """The attributes that XLA computes and layers read, except those that others replace."""
        found = [pair for pair in self._not_stored if not pair[1].factorizes]
        replaced = _names(found)
        return [pair for pair in found if (id(pair[0]), pair[1].name) not in replaced]

    @property
    def _not_stored(self) -> _Attributes:
        stored = {_name(slot) for slot in self._template.slots}
        found = stacked_attributes(self._template.layer)
        return [pair for pair in found if (id(pair[0]), pair[1].name) not in stored]

    def _factorized(self, method: str) -> _Attributes:
        return [
            (module, attribute)
            for module, attribute in self._not_stored
            if attribute.factorizes
            and (method.startswith('inverse') or attribute.name != 'inverse')
        ]

    def _prepare(self, sources: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        used = _names(self._prepared)
        slots = [slot for slot in self._template.slots if _name(slot) in used]
        with self._template.bound(sources, slots):
            return [attribute.compute(module) for module, attribute in self._prepared]

    def _gradients(
        self, sources: Sequence[tf.Tensor], of_prepared: Sequence[Sequence[tf.Tensor]]
    ) -> list[tf.Tensor]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sources)
            prepared = self._prepare(sources)
        upstream = [tf.stack(rows) for rows in zip(*of_prepared)]
        return cast(list[tf.Tensor], tape.gradient(prepared, sources, upstream))


def layer_weights(stacked: Sequence[tf.Tensor], num_layers: int) -> list[LayerWeights]:
    """Return the weights of each layer from stacked ones, `[num_layers, ...]`."""
    columns = [
        tf.unstack(value, num_layers)
        if value.shape[1:].num_elements() * value.dtype.size % ALIGNMENT == 0
        else [(value,)] * num_layers
        for value in stacked
    ]
    return [[column[row] for column in columns] for row in range(num_layers)]


def of_row(weights: LayerWeights, row: tf.Tensor) -> list[tf.Tensor]:
    """Return the weights of the layer with the index `row`, each as a tensor of its own."""
    return [
        tf.gather(weight[0], row) if isinstance(weight, (tuple, list)) else weight
        for weight in weights
    ]


def split_gradients(
    vectors: Sequence[tf.Tensor], read: Sequence[tf.Tensor]
) -> list[tf.Tensor | None]:
    """Return the gradients of `StackedWeights.read` from the vectors of all layers, in their order.

    Those of integers, such as a fixed order, are None.
    """
    sizes = [value.shape[1:].num_elements() for value in read if value.dtype.is_floating]
    # Few large copies instead of one for every weight of every layer.
    parts = iter(tf.split(tf.stack(vectors), sizes, axis=1))
    return [
        tf.reshape(next(parts), value.shape) if value.dtype.is_floating else None for value in read
    ]


def _name(slot: Slot) -> tuple[int, str]:
    return id(slot[0]), slot[1]


def _names(attributes: _Attributes) -> set[tuple[int, str]]:
    """Return what attributes are computed from."""
    return {(id(module), name) for module, found in attributes for name in found.instead_of}
