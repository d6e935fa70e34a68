"""Equal layers one after the other, their weights stacked, their body traced once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, ContextManager

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector, Gradients, Kept, Pass
from tfwolf.bijectors.composite import Composite, Visit, VisitBack
from tfwolf.bijectors.log_det_terms import batch_size
from tfwolf.bijectors.template import Template
from tfwolf.core import seeds, validate
from tfwolf.core.freeze import derived_attributes
from tfwolf.core.variables import named_variables

PARALLEL_TURNS = 10


class Repeat(Composite):
    """y = f_n(... f_1(x)) for n layers of one structure; each weight is one variable `[repeats, ...]`.

    The layers run in one `tf.while_loop`, so a graph holds the body once whatever n is, and an
    optimizer sees n times fewer variables. All layers share one template, to which the weights of
    each are lent in turn. A `Repeat` is
    therefore not re-entrant: it must not be called from inside one of its own layers (from a
        `visit` of a walk, for
    example), nor from two threads at once.

    A layer inside must keep x's shape. It must not hold another `Repeat`, normalise over the batch
    (which changes its weights, and talks to other replicas), or need a preparation.

    Args:
        make_layer: function of a seed that returns one of the layers, a `FlowBijector`.
        repeats: n, at least 1.
        seed: seed from which each layer's seed is derived.

    Raises:
        ValueError: if `repeats` is not a positive integer, or a layer is of a kind that cannot be
            repeated.
        RuntimeError: when called, while it is in use.

    >>> flow = tfwolf.Repeat(lambda seed: tfwolf.Chain([tfwolf.ActNorm(4, seed=seed), tfwolf.Coupling.build(4, seed=seed)]), 8)
    >>> flow.forward(tf.zeros([2, 4, 4, 4])).shape
    TensorShape([2, 4, 4, 4])
    >>> {variable.shape[0] for variable in flow.trainable_variables}
    {8}
    """

    def __init__(
        self,
        make_layer: Callable[[int], FlowBijector],
        repeats: int,
        seed: int = 0,
        name: str = 'repeat',
    ) -> None:
        self.repeats = validate.integer('repeats', repeats, minimum=1)
        layers = [make_layer(seeds.derive(seed, index)) for index in range(repeats)]
        _check_repeatable(layers[0])
        super().__init__(
            event_ndims=layers[0].forward_min_event_ndims, dtype=layers[0].dtype, name=name
        )
        self.event_shape = layers[0].event_shape
        rows = [named_variables(layer) for layer in layers]
        self.weights = {
            '.'.join(path): tf.Variable(
                tf.stack([tf.convert_to_tensor(row[k][1]) for row in rows]),
                trainable=variable.trainable,
                name='.'.join(path),
            )
            for k, (path, variable) in enumerate(rows[0])
        }
        self._order = tuple('.'.join(path) for path, _ in rows[0])
        self._template = Template(layers[0])

    @property
    def parts(self) -> list[FlowBijector]:
        """The template, as often as it takes its turn; it has weights only while it is visited."""
        return [self._template.layer] * self.repeats

    def forward_and_log_det(self, x: tf.Tensor, condition: tf.Tensor | None = None) -> Pass:
        """Applies layers 0 to n - 1; the log-determinants, `[batch]` in nats, add up."""
        return self._loop('forward_and_log_det', x, condition, rows=range(self.repeats))

    def inverse_and_log_det(self, y: tf.Tensor, condition: tf.Tensor | None = None) -> Pass:
        """Inverts layers n - 1 to 0."""
        return self._loop('inverse_and_log_det', y, condition, rows=range(self.repeats - 1, -1, -1))

    def forward_in_training(self, x: tf.Tensor, condition: tf.Tensor | None = None) -> Pass:
        """As `FlowBijector.forward_in_training`; the layers run in the loop."""
        return self._loop('forward_in_training', x, condition, rows=range(self.repeats))

    def forward_and_keep(
        self, x: tf.Tensor, keep: bool, condition: tf.Tensor | None = None
    ) -> Kept:
        """As `FlowBijector.forward_and_keep`; what is kept are the inputs of all layers, `[repeats,
        batch, ...]`.
        """
        if not keep:
            return super().forward_and_keep(x, keep, condition)
        return self._loop('forward_in_training', x, condition, range(self.repeats), keep=True)

    def backpropagate(
        self,
        y: tf.Tensor,
        upstream: Pass,
        weights: Sequence[tf.Tensor | tf.Variable],
        kept: Any = None,
        condition: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor, Gradients]:
        """As `FlowBijector.backpropagate`; the layers run in a loop, the last one first."""
        stacked = [self.weights[name] for name in self._order]
        trained = [place for place, weight in enumerate(stacked) if weight.trainable]
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
            with self._template.bound([array.read(row) for array in arrays]) as layer:
                lent = [self._template.value(place) for place in trained]
                # Of a kept step only its input: it is one piece. A rebuilt one goes layer by layer,
                # since it needs its every input.
                whole = functools.partial(FlowBijector.backpropagate, layer)
                backpropagate, of_layer = (
                    (layer.backpropagate, None) if kept is None else (whole, inputs.read(row))
                )
                x, gradient, others = backpropagate(
                    y, (gradient, upstream[1]), lent, of_layer, condition
                )
            others = [
                tf.zeros_like(source) if found is None else found
                for source, found in zip(
                    [*([] if condition is None else [condition]), *lent], others, strict=True
                )
            ]
            of_condition = [total + others.pop(0) for total in of_condition]
            of_weights = [
                array.write(row, found) for array, found in zip(of_weights, others, strict=True)
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
                stacked[place].dtype, self.repeats, element_shape=stacked[place].shape[1:]
            )
            for place in trained
        ]
        start = (
            tf.constant(0),
            y,
            upstream[0],
            [] if condition is None else [tf.zeros_like(condition)],
            empty,
        )
        _, x, gradient, of_condition, of_weights = tf.while_loop(
            lambda turn, *_: turn < self.repeats,
            body,
            start,
            parallel_iterations=1,
            maximum_iterations=self.repeats,
        )
        gradient_of = {
            id(stacked[place]): array.stack() for place, array in zip(trained, of_weights)
        }
        return x, gradient, [*of_condition, *(gradient_of.get(id(weight)) for weight in weights)]

    def walk(self, visit: Visit, x: tf.Tensor) -> tf.Tensor:
        """As `Composite.walk`; the weights of the layers visited cannot be assigned to."""
        for index in range(self.repeats):
            with self._layer(index) as layer:
                x = visit(str(index), layer, x)
        return x

    def walk_back(self, visit: VisitBack, y: tf.Tensor) -> tf.Tensor:
        """As `Composite.walk_back`; the weights of the layers visited cannot be assigned to."""
        for index in reversed(range(self.repeats)):
            with self._layer(index) as layer:
                y = visit(layer, y)
        return y

    def initialize_and_forward(self, x: tf.Tensor, condition: tf.Tensor | None = None) -> tf.Tensor:
        """Initialises layer after layer, each on the output of the one before, and returns the
        output of the last.
        """
        stacked = [self.weights[name] for name in self._order]
        initialized = []
        for index in range(self.repeats):
            row = [tf.Variable(weight[index]) for weight in stacked]
            with self._template.bound(row) as layer:
                x = layer.initialize_and_forward(x, condition)
            initialized.append(row)
        for weight, rows in zip(stacked, zip(*initialized)):
            weight.assign(tf.stack([tf.convert_to_tensor(row) for row in rows]))
        return x

    def freeze(self) -> None:
        """As `tfwolf.core.freeze.freeze`, for the layers inside: their derived attributes are
        stacked as the weights are.
        """
        rows = []
        for index in range(self.repeats):
            with self._layer(index) as layer:
                found = derived_attributes(layer)
                rows.append([attribute.compute(module) for _, module, attribute in found])
        unused = {
            (id(module), name) for _, module, attribute in found for name in attribute.instead_of
        }
        kept = [
            place
            for place, (owner, name) in enumerate(self._template.slots)
            if (id(owner), name) not in unused
        ]
        names = ['.'.join((*path, attribute.name)) for path, _, attribute in found]
        fixed = {
            name: tf.Variable(tf.stack(values), trainable=False, name=name)
            for name, values in zip(names, zip(*rows))
        }
        self._template.slots = [
            *(self._template.slots[place] for place in kept),
            *((module, attribute.name) for _, module, attribute in found),
        ]
        self._order = (*(self._order[place] for place in kept), *names)
        self.weights = {
            name: fixed[name] if name in fixed else self.weights[name] for name in self._order
        }

    def _layer(self, index: int) -> ContextManager[FlowBijector]:
        """Returns a context in which the template is the layer with that index."""
        return self._template.bound([self.weights[name][index] for name in self._order])

    def _unstacked(self) -> list[tf.TensorArray]:
        # Unstacked outside and read inside a loop: the gradient of an index into the stack would
        # cost O(n) in every turn.
        return [
            tf.TensorArray(weight.dtype, size=self.repeats, element_shape=weight.shape[1:]).unstack(
                weight
            )
            for weight in (self.weights[name] for name in self._order)
        ]

    def _loop(
        self,
        method: str,
        x: tf.Tensor,
        condition: tf.Tensor | None,
        rows: range,
        keep: bool = False,
    ) -> tuple[tf.Tensor, ...]:
        """Returns the result and the log-determinant of the layers `rows`, and with `keep` their
        inputs.

        These are `[repeats, batch, ...]`.
        """
        self._check_rank(x)
        if self.repeats == 1:
            with self._layer(0) as layer:
                return *getattr(layer, method)(x, condition), *([x[tf.newaxis]] if keep else [])
        arrays = self._unstacked()

        def body(turn: tf.Tensor, x: tf.Tensor, total: tf.Tensor, inputs: list) -> tuple:
            row = rows.start + rows.step * turn
            with self._template.bound([array.read(row) for array in arrays]) as layer:
                y, log_det = getattr(layer, method)(x, condition)
            return (
                turn + 1,
                tf.ensure_shape(y, x.shape),
                total + log_det,
                [array.write(row, x) for array in inputs],
            )

        inputs = [tf.TensorArray(x.dtype, size=self.repeats, element_shape=x.shape)] if keep else []
        # Several turns at a time: the gradients of one turn's weights may wait, those of its input
        # go on.
        _, y, total, inputs = tf.while_loop(
            lambda turn, *_: turn < self.repeats,
            body,
            (tf.constant(0), x, tf.zeros([batch_size(x)], self.dtype), inputs),
            parallel_iterations=PARALLEL_TURNS,
            maximum_iterations=self.repeats,
        )
        return y, total, *(array.stack() for array in inputs)


def _check_repeatable(layer: FlowBijector) -> None:
    """Raises a `ValueError` for a layer that cannot live on weights that are lent to it."""
    for found, reason in (
        (layer.normalizes_over_batch, 'normalises over the batch'),
        (layer.preparation is not None, 'needs a preparation'),
        (_holds_repeat(layer), 'holds a `Repeat`'),
    ):
        if found:
            raise ValueError(
                f'`make_layer` must return layers that can be repeated; got {layer.name!r}, which '
                f'{reason}. Use a `Chain`.'
            )


def _holds_repeat(layer: FlowBijector) -> bool:
    return isinstance(layer, Repeat) or (
        isinstance(layer, Composite) and any(map(_holds_repeat, layer.parts))
    )
