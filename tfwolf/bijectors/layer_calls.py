"""Calls of layers of equal structure one after the other, compiled by XLA once for all of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfwolf.bijectors.compiled_layer import CompiledLayer
from tfwolf.bijectors.layer_rows import layer_weights, split_gradients
from tfwolf.bijectors.log_det_terms import batch_size
from tfwolf.core.custom_gradient import custom_gradient
from tfwolf.nets.condition import Condition, tensors_of, with_tensors


@dataclasses.dataclass
class LayerCalls:
    """Runs n layers of equal structure by n calls of one compiled function.

    A graph then contains the calls, and XLA compiles the layer and its gradient once. On a GPU this
    is faster than a loop, which copies counters and kept values between device and host.

    Args:
        layer: the compiled layer.
        weights: stacked weights, `[repeats, ...]` each, in the order of its template's slots.
        repeats: n, the number of layers.
    """

    layer: CompiledLayer
    weights: Sequence[tf.Tensor | tf.Variable]
    repeats: int

    def forward(
        self,
        method: str,
        x: tf.Tensor,
        condition: Condition | None,
        rows: range,
        keep: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor | None]:
        """Return the output, the log-determinant and, with `keep`, the inputs of the layers.

        Arguments are those of `LayerLoop.forward`.
        """
        weights = [tf.convert_to_tensor(weight) for weight in self.weights]
        stacked = self.layer.weights.of(method, weights)
        given = tensors_of(condition)
        inputs: dict[int, tf.Tensor] = {}

        @custom_gradient
        def run(x: tf.Tensor, *others: tf.Tensor) -> tuple[Any, Any]:
            here = with_tensors(condition, others[: len(given)])
            read = others[len(given) : len(given) + len(stacked.read)]
            sources = others[len(given) + len(stacked.read) :]
            prepared = self.layer.weights.prepare(sources, here, x)
            weights = layer_weights([*read, *prepared], self.repeats)
            total = tf.zeros([batch_size(x)], x.dtype)
            kept = {}
            for row in rows:
                inputs[row] = x
                y, total, kept[row] = self.layer.apply(method, row, x, total, here, weights[row])
                x = tf.ensure_shape(y, x.shape)

            def gradient(of_y: tf.Tensor, of_log_det: tf.Tensor) -> list[tf.Tensor | None]:
                found = {}
                for row in reversed(rows):
                    upstream = of_y, of_log_det
                    found[row] = self.layer.gradient(
                        method, row, inputs[row], here, weights[row], kept[row], upstream
                    )
                    of_y = found[row].of_x
                of_layers = [found[row] for row in range(self.repeats)]
                of_read = split_gradients([each.of_read for each in of_layers], read)
                of_prepared = [each.of_prepared for each in of_layers]
                of_given, of_sources = self.layer.weights.gradients(
                    sources, here, of_y, of_prepared
                )
                of_condition = [
                    _sum(terms)
                    for terms in zip(of_given, *(each.of_condition for each in of_layers))
                ]
                return [of_y, *of_condition, *of_read, *of_sources]

            return (x, total), gradient

        y, total = run(x, *given, *stacked.read, *stacked.sources)
        return y, total, tf.stack([inputs[row] for row in sorted(rows)]) if keep else None


def _sum(terms: Sequence[tf.Tensor | None]) -> tf.Tensor | None:
    found = [term for term in terms if term is not None]
    return tf.add_n(found) if found else None
