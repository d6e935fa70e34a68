"""TensorFlow loops over layers of equal structure with stacked weights; the body is traced once."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector, Gradients, Pass
from tfwolf.bijectors.log_det_terms import batch_size
from tfwolf.bijectors.template import Template
from tfwolf.nets.condition import Condition, tensors_of

PARALLEL_ITERATIONS = 10


@dataclasses.dataclass
class LayerLoop:
    """Runs n layers of equal structure in one `tf.while_loop`.

    Args:
        template: the structure, to which the weights of each layer are bound in turn.
        weights: stacked weights, `[repeats, ...]` each, in the order of the template's slots.
        repeats: n, the number of layers.
    """

    template: Template
    weights: Sequence[tf.Variable]
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

        Args:
            method: name of the layer's method, which returns value and log-determinant.
            x: `[batch, ...]`, the input of the first row.
            condition: a `Condition` or None.
            rows: the layers' indices in the order in which they run.
            keep: whether to return the inputs of all layers, `[repeats, batch, ...]`; else None.
        """
        if self.repeats == 1:
            with self.layer(0) as layer:
                y, log_det = getattr(layer, method)(x, condition)
                return y, log_det, x[tf.newaxis] if keep else None
        arrays = self._unstacked()

        def body(turn: tf.Tensor, x: tf.Tensor, total: tf.Tensor, inputs: list) -> tuple:
            row = rows.start + rows.step * turn
            with self.template.bound([array.read(row) for array in arrays]) as layer:
                y, log_det = getattr(layer, method)(x, condition)
            return (
                turn + 1,
                tf.ensure_shape(y, x.shape),
                total + log_det,
                [array.write(row, x) for array in inputs],
            )

        inputs = [tf.TensorArray(x.dtype, size=self.repeats, element_shape=x.shape)] if keep else []
        # Iterations may overlap: the gradients of one layer's weights can be computed while the
        # gradient of its input continues.
        _, y, total, inputs = tf.while_loop(
            lambda turn, *_: turn < self.repeats,
            body,
            (tf.constant(0), x, tf.zeros([batch_size(x)], self.template.layer.dtype), inputs),
            parallel_iterations=PARALLEL_ITERATIONS,
            maximum_iterations=self.repeats,
        )
        return y, total, inputs[0].stack() if keep else None

    def backpropagate(
        self, y: tf.Tensor, upstream: Pass, kept: tf.Tensor | None, condition: Condition | None
    ) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor], dict[int, tf.Tensor]]:
        """Return the input, its gradient and the gradients of condition and weights.

        Args:
            y: `[batch, ...]`, the output of the last layer.
            upstream: gradients of the loss with respect to y and to the log-determinant `[batch]`.
            kept: the inputs of all layers, `[repeats, batch, ...]`, or None to recompute them.
            condition: a `Condition` or None.

        Returns:
            x, its gradient, the gradients of the condition's tensors (empty without a condition),
            and `{index in weights: gradient}` for the trainable weights, `[repeats, ...]` each.
        """
        trained = [place for place, weight in enumerate(self.weights) if weight.trainable]
        arrays = self._unstacked()
        inputs = (
            None
            if kept is None
            else tf.TensorArray(y.dtype, self.repeats, element_shape=y.shape).unstack(kept)
        )

        def body(
            turn: tf.Tensor, y: tf.Tensor, gradient: tf.Tensor, of_condition: list, of_weights: list
        ) -> tuple:
            row = self.repeats - 1 - turn
            with self.template.bound([array.read(row) for array in arrays]) as layer:
                values = [self.template.value(place) for place in trained]
                sources = [*tensors_of(condition), *values]
                upstream_here = (gradient, upstream[1])
                if inputs is None:
                    x, gradient, found = layer.backpropagate(
                        y, upstream_here, values, None, condition
                    )
                else:
                    # Only the layer's input was kept, so its inner layers are one block.
                    x, gradient, found = FlowBijector.backpropagate(
                        layer, y, upstream_here, values, inputs.read(row), condition
                    )
            others = _without_none(found, sources)
            of_condition = [total + others.pop(0) for total in of_condition]
            of_weights = [
                array.write(row, other) for array, other in zip(of_weights, others, strict=True)
            ]
            return (
                turn + 1,
                tf.ensure_shape(x, y.shape),
                tf.ensure_shape(gradient, y.shape),
                of_condition,
                of_weights,
            )

        empty = [
            tf.TensorArray(
                self.weights[place].dtype,
                self.repeats,
                element_shape=self.weights[place].shape[1:],
            )
            for place in trained
        ]
        start = (
            tf.constant(0),
            y,
            upstream[0],
            [tf.zeros_like(tensor) for tensor in tensors_of(condition)],
            empty,
        )
        _, x, gradient, of_condition, of_weights = tf.while_loop(
            lambda turn, *_: turn < self.repeats,
            body,
            start,
            parallel_iterations=1,
            maximum_iterations=self.repeats,
        )
        gradients = {place: array.stack() for place, array in zip(trained, of_weights)}
        return x, gradient, of_condition, gradients

    def layer(self, index: int) -> contextlib.AbstractContextManager[FlowBijector]:
        """Return a context manager in which the template is the layer with this index."""
        if self.repeats == 1:
            # Fewer operations than an index, with those of its gradient.
            return self.template.bound([tf.squeeze(weight, axis=0) for weight in self.weights])
        return self.template.bound([weight[index] for weight in self.weights])

    def _unstacked(self) -> list[tf.TensorArray]:
        # Reading a TensorArray in the loop is cheap; the gradient of an index into the stacked
        # tensor would cost O(n) in every iteration.
        return [
            tf.TensorArray(weight.dtype, size=self.repeats, element_shape=weight.shape[1:]).unstack(
                weight
            )
            for weight in self.weights
        ]


def _without_none(gradients: Gradients, sources: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Return gradients with zeros in place of None."""
    return [
        tf.zeros_like(source) if gradient is None else gradient
        for source, gradient in zip(sources, gradients, strict=True)
    ]
