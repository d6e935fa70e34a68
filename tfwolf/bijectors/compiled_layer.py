"""A pass through a layer, and its gradient, as two functions that XLA compiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import tensorflow as tf

from tfwolf.bijectors.base import Pass
from tfwolf.bijectors.layer_rows import LayerWeights, of_row
from tfwolf.bijectors.prepared_weights import PreparedWeights
from tfwolf.bijectors.template import Template
from tfwolf.core.compilation import CompiledFunctions
from tfwolf.nets.condition import Condition, tensors_of
from tfwolf.nets.kept import recording, replaying


class LayerGradients(NamedTuple):
    """Gradients of a pass through a layer.

    Attributes:
        of_x: `[batch, ...]`.
        of_condition: those of the condition's tensors; None for one that the layer does not read
            itself.
        of_read: those of the weights in `StackedWeights.read`, as one vector.
        of_prepared: those of what was prepared.
    """

    of_x: tf.Tensor
    of_condition: list[tf.Tensor | None]
    of_read: tf.Tensor
    of_prepared: list[tf.Tensor]


class CompiledLayer:
    """The passes through one of several stacked layers, compiled by XLA.

    XLA compiles a function once for each shape of its arguments, for any number of calls in a
    graph: the weights of the layer and its index are arguments. A forward pass also returns the
    values that the networks mark (see `tfwolf.nets.kept`). The gradient is a second function, which
    runs the layer once more with these values.

    Args:
        template: the layer without its weights.

    Attributes:
        weights: the `PreparedWeights` of the layers.
    """

    def __init__(self, template: Template) -> None:
        self._functions = CompiledFunctions()
        self.weights = PreparedWeights(template)

    def apply(
        self,
        method: str,
        row: int,
        x: tf.Tensor,
        log_det: tf.Tensor,
        condition: Condition | None,
        weights: LayerWeights,
    ) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
        """Return value, log-determinant and kept values of a layer.

        Args:
            method: such as 'forward_and_log_det'.
            row: index of the layer.
            x: `[batch, ...]`.
            log_det: `[batch]`, to which that of the layer is added.
            condition: a `Condition` or None.
            weights: those of the layer; see `layer_weights`.
        """
        arguments = method, _index(row), x, log_det, condition, weights
        return self._functions.call(method, self._apply, *arguments)

    def gradient(
        self,
        method: str,
        row: int,
        x: tf.Tensor,
        condition: Condition | None,
        weights: LayerWeights,
        kept: Sequence[tf.Tensor],
        upstream: Pass,
    ) -> LayerGradients:
        """Return the gradients of x, of the condition and of the weights.

        Args:
            method, row, x, condition, weights: as of `apply`.
            kept: the values that `apply` kept.
            upstream: gradients of the loss with respect to value and log-determinant.
        """
        arguments = method, _index(row), x, condition, weights, list(kept), list(upstream)
        return self._functions.call(f'gradient of {method}', self._gradient, *arguments)

    def _pass(self, method: str, x: Any, condition: Any, weights: Any) -> Pass:
        with self.weights.bound(method, weights) as layer:
            return getattr(layer, method)(x, condition)

    def _apply(
        self, method: str, row: Any, x: Any, log_det: Any, condition: Any, weights: Any
    ) -> tuple:
        with recording() as kept:
            y, of_layer = self._pass(method, x, condition, of_row(weights, row))
        return y, log_det + of_layer, kept

    def _gradient(
        self, method: str, row: Any, x: Any, condition: Any, weights: Any, kept: Any, upstream: Any
    ) -> LayerGradients:
        weights = of_row(weights, row)
        given = tensors_of(condition)
        floats = [weight for weight in weights if weight.dtype.is_floating]
        sources = [x, *given, *floats]
        with tf.GradientTape(watch_accessed_variables=False) as tape, replaying(kept):
            tape.watch(sources)
            outputs = self._pass(method, x, condition, weights)
        of_x, *others = cast(list[Any], tape.gradient(outputs, sources, upstream))
        of_weights = [
            tf.zeros_like(weight) if found is None else found
            for weight, found in zip(floats, others[len(given) :])
        ]
        num_read = len(of_weights) - self.weights.num_prepared
        of_read = tf.concat([tf.reshape(each, [-1]) for each in of_weights[:num_read]], axis=0)
        return LayerGradients(of_x, others[: len(given)], of_read, of_weights[num_read:])


def _index(row: int) -> tf.Tensor:
    # TensorFlow keeps small integers of 32 bits in the host's memory.
    return tf.constant(row, tf.int64)
