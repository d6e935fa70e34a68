"""A pass through a layer, and its gradient, as two functions that XLA compiles."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Sequence
from typing import Any, cast

import tensorflow as tf

from tfwolf.bijectors.base import Pass
from tfwolf.bijectors.template import Template
from tfwolf.core.compilation import call_compiled
from tfwolf.core.freeze import Derived, derived_attributes
from tfwolf.core.tensor_float_32 import tensor_float_32_is_on
from tfwolf.nets.condition import Condition, tensors_of
from tfwolf.nets.kept import recording, replaying

# A module and the name of its attribute, as in `Template.slots`.
_Slot = tuple[Any, str]


class CompiledLayer:
    """The passes through one of several stacked layers, compiled by XLA.

    XLA compiles a function once for each shape of its arguments, for any number of calls in a
    graph: the weights of all layers and the index of one are arguments. A forward pass also returns
    the values that the networks mark (see `tfwolf.nets.kept`). The gradient is a second function,
    which runs the layer once more with these values.

    Attributes that are derived from weights and can be computed for all layers at once, such as
    log-determinants of matrices, are arguments instead of these weights: XLA is slow at
    factorisations, and one operation for all layers is faster than one per layer.

    Args:
        template: the layer without its weights.
    """

    def __init__(self, template: Template) -> None:
        self._template = template
        self._functions: dict[tuple[str, bool], Callable[..., Any]] = {}

    def arguments(self, method: str, weights: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Return the stacked arguments of the passes, `[n, ...]` each.

        Args:
            method: the method that will be called.
            weights: stacked weights, in the order of the template's slots.
        """
        bound = dict(zip(self._template.slots, weights, strict=True))
        derived = self._derived(method)
        with tf.name_scope('derived'):
            values = [
                attribute.compute(
                    types.SimpleNamespace(
                        **{name: value for (owner, name), value in bound.items() if owner is module}
                    )
                )
                for module, attribute in derived
            ]
        return [*(bound[slot] for slot in self._kept_slots(derived)), *values]

    def apply(
        self,
        method: str,
        row: int,
        x: tf.Tensor,
        condition: Condition | None,
        stacked: Sequence[tf.Tensor],
    ) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
        """Return value, log-determinant and kept values of a layer.

        Args:
            method: such as 'forward_and_log_det'.
            row: index of the layer.
            x: `[batch, ...]`.
            condition: a `Condition` or None.
            stacked: the result of `arguments`.
        """
        return call_compiled(
            self._function(method, self._apply), method, _index(row), x, condition, list(stacked)
        )

    def gradient(
        self,
        method: str,
        row: int,
        x: tf.Tensor,
        condition: Condition | None,
        stacked: Sequence[tf.Tensor],
        kept: Sequence[tf.Tensor],
        upstream: Pass,
    ) -> tuple[tf.Tensor, list[tf.Tensor], tf.Tensor]:
        """Return the gradients of x, of the condition's tensors, and of the weights as one vector.

        Args:
            method, row, x, condition, stacked: as of `apply`.
            kept: the values that `apply` kept.
            upstream: gradients of the loss with respect to value and log-determinant.
        """
        function = self._function(f'gradient of {method}', self._gradient)
        arguments = method, _index(row), x, condition, list(stacked), list(kept), list(upstream)
        return call_compiled(function, *arguments)

    def stacked_gradients(
        self, vectors: Sequence[tf.Tensor], stacked: Sequence[tf.Tensor]
    ) -> list[tf.Tensor | None]:
        """Return the gradients of `stacked` from the vectors of all layers, in their order.

        Those of integers, such as a fixed order, are None.
        """
        floats = [value for value in stacked if value.dtype.is_floating]
        sizes = [value.shape[1:].num_elements() for value in floats]
        # Few large copies instead of one for every weight of every layer.
        parts = iter(tf.split(tf.stack(vectors), sizes, axis=1))
        return [
            tf.reshape(next(parts), value.shape) if value.dtype.is_floating else None
            for value in stacked
        ]

    def _derived(self, method: str) -> list[tuple[Any, Derived]]:
        """Return the derived attributes that a method reads, and that are not stored already."""
        stored = {(id(owner), name) for owner, name in self._template.slots}
        return [
            (module, attribute)
            for _, module, attribute in derived_attributes(self._template.layer)
            if attribute.stacks
            and (id(module), attribute.name) not in stored
            and (method.startswith('inverse') or attribute.name != 'inverse')
        ]

    def _kept_slots(self, derived: Sequence[tuple[Any, Derived]]) -> list[_Slot]:
        """Return the slots of weights that are read in spite of the derived attributes."""
        unused = {
            (id(module), name) for module, attribute in derived for name in attribute.instead_of
        }
        return [
            (owner, name) for owner, name in self._template.slots if (id(owner), name) not in unused
        ]

    def _function(self, name: str, run: Callable[..., Any]) -> Callable[..., Any]:
        # XLA reads the switch of TF32 when it compiles.
        key = name, tensor_float_32_is_on()
        if key not in self._functions:
            # TensorFlow counts traces by the code of a function, which a `partial` does not have,
            # and would warn about the traces of many layers.
            self._functions[key] = tf.function(
                functools.partial(run), autograph=False, jit_compile=True
            )
        return self._functions[key]

    def _pass(self, method: str, x: Any, condition: Any, weights: Any) -> Pass:
        derived = self._derived(method)
        slots = [
            *self._kept_slots(derived),
            *((module, attribute.name) for module, attribute in derived),
        ]
        with self._template.bound(weights, slots) as layer:
            return getattr(layer, method)(x, condition)

    def _apply(self, method: str, row: Any, x: Any, condition: Any, stacked: Any) -> tuple:
        weights = [tf.gather(value, row) for value in stacked]
        with recording() as kept:
            y, log_det = self._pass(method, x, condition, weights)
        return y, log_det, kept

    def _gradient(
        self, method: str, row: Any, x: Any, condition: Any, stacked: Any, kept: Any, upstream: Any
    ) -> tuple:
        weights = [tf.gather(value, row) for value in stacked]
        given = tensors_of(condition)
        sources = [x, *given, *(weight for weight in weights if weight.dtype.is_floating)]
        with tf.GradientTape(watch_accessed_variables=False) as tape, replaying(kept):
            tape.watch(sources)
            outputs = self._pass(method, x, condition, weights)
        of_x, *others = cast(
            list[Any],
            tape.gradient(
                outputs, sources, upstream, unconnected_gradients=tf.UnconnectedGradients.ZERO
            ),
        )
        of_weights = others[len(given) :]
        vector = tf.concat([tf.reshape(gradient, [-1]) for gradient in of_weights], axis=0)
        return of_x, others[: len(given)], vector


def _index(row: int) -> tf.Tensor:
    # TensorFlow keeps small integers of 32 bits in the host's memory.
    return tf.constant(row, tf.int64)
