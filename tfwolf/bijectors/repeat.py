"""Layers of equal structure in sequence, with stacked weights and a body that is traced once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector, Gradients, Kept, Pass
from tfwolf.bijectors.compiled_layer import CompiledLayer
from tfwolf.bijectors.composite import Composite, Visit, VisitBack
from tfwolf.bijectors.layer_calls import LayerCalls
from tfwolf.bijectors.layer_loop import LayerLoop
from tfwolf.bijectors.template import Template
from tfwolf.core import seeds, validate
from tfwolf.core.compilation import layers_are_compiled
from tfwolf.core.freeze import Derived, derived_attributes
from tfwolf.core.variables import as_tensorflow, named_variables
from tfwolf.nets.condition import Condition


class Repeat(Composite):
    """y = f_n(... f_1(x)) for n layers of equal structure; each weight is one variable `[n, ...]`.

    The layers run in one `tf.while_loop`, so a graph contains the body once for any n; or, where
    XLA compiles layers, by n calls of one compiled function. An optimizer handles n times fewer
    variables. All layers share one template, to which the weights
    of each layer are bound in turn. A `Repeat` is therefore not re-entrant: it must not be called
    from inside one of its own layers (for example from the `visit` of a walk), or from two threads
    at once.

    The layer must keep x's shape. It must not contain another `Repeat`, normalize over the batch
    (which updates weights and communicates between replicas), or need a preparation.

    Args:
        make_layer: function of a seed that returns one of the layers, a `FlowBijector`.
        repeats: n, at least 1.
        seed: seed from which each layer's seed is derived.
        differences: None, or one value for each layer, which `make_layer` receives as its second
            argument. It may only change the values of weights, such as a fixed order, since all
            layers share the structure of the first.

    Raises:
        ValueError: if `repeats` is not a positive integer, there is another number of differences,
            or the layer cannot be repeated.
        RuntimeError: when called while it is in use.

    >>> def make_layer(seed):
    ...     return tfwolf.Chain([tfwolf.ActNorm(4, seed=seed), tfwolf.Coupling.build(4, seed=seed)])
    >>> flow = tfwolf.Repeat(make_layer, 8)
    >>> flow.forward(tf.zeros([2, 4, 4, 4])).shape
    TensorShape([2, 4, 4, 4])
    >>> {variable.shape[0] for variable in flow.trainable_variables}
    {8}
    """

    def __init__(
        self,
        make_layer: Callable[..., FlowBijector],
        repeats: int,
        seed: int = 0,
        name: str = 'repeat',
        differences: Sequence[Any] | None = None,
    ) -> None:
        self.repeats = validate.integer('repeats', repeats, minimum=1)
        if differences is not None and len(differences) != repeats:
            raise ValueError(
                f'`differences` must have one entry per layer, {repeats}; got {len(differences)}.'
            )
        own = [()] * repeats if differences is None else [(value,) for value in differences]
        layers = [make_layer(seeds.derive(seed, i), *own[i]) for i in range(repeats)]
        _check_repeatable(layers[0])
        super().__init__(
            event_ndims=layers[0].forward_min_event_ndims, dtype=layers[0].dtype, name=name
        )
        self.event_shape = layers[0].event_shape
        rows = [named_variables(layer) for layer in layers]
        self.weights = {
            '.'.join(path): tf.Variable(
                tf.stack([tf.convert_to_tensor(as_tensorflow(row[k][1])) for row in rows]),
                trainable=variable.trainable,
                name='.'.join(path),
            )
            for k, (path, variable) in enumerate(rows[0])
        }
        self._order = tuple('.'.join(path) for path, _ in rows[0])
        self._template = Template(layers[0])
        self._compiled = CompiledLayer(self._template)

    @property
    def parts(self) -> list[FlowBijector]:
        """The template, once per repetition; it has weights only while it is visited."""
        return [self._template.layer] * self.repeats

    def forward_and_log_det(self, x: tf.Tensor, condition: Condition | None = None) -> Pass:
        """Apply layers 0 to n - 1; return y and the sum of log-determinants, `[batch]`, in nats."""
        self._check_rank(x)
        rows = range(self.repeats)
        return self._runner.forward('forward_and_log_det', x, condition, rows)[:2]

    def inverse_and_log_det(self, y: tf.Tensor, condition: Condition | None = None) -> Pass:
        """Invert layers n - 1 to 0."""
        self._check_rank(y)
        rows = range(self.repeats - 1, -1, -1)
        return self._runner.forward('inverse_and_log_det', y, condition, rows)[:2]

    def forward_in_training(self, x: tf.Tensor, condition: Condition | None = None) -> Pass:
        """Apply the layers as in training; see `FlowBijector.forward_in_training`."""
        self._check_rank(x)
        rows = range(self.repeats)
        return self._runner.forward('forward_in_training', x, condition, rows)[:2]

    def forward_and_keep(
        self, x: tf.Tensor, keep: bool, condition: Condition | None = None
    ) -> Kept:
        """Apply the layers and keep their inputs, `[repeats, batch, ...]`.

        See `FlowBijector.forward_and_keep`.
        """
        if not keep:
            return super().forward_and_keep(x, keep, condition)
        self._check_rank(x)
        rows = range(self.repeats)
        return self._runner.forward('forward_in_training', x, condition, rows, keep=True)

    def backpropagate(
        self,
        y: tf.Tensor,
        upstream: Pass,
        weights: Sequence[tf.Tensor | tf.Variable],
        kept: Any = None,
        condition: Condition | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor, Gradients]:
        """Backpropagate through the layers in a loop, last layer first.

        See `FlowBijector.backpropagate`.
        """
        loop = self._loop
        x, gradient, of_condition, of_weights = loop.backpropagate(y, upstream, kept, condition)
        gradient_of = {id(loop.weights[place]): found for place, found in of_weights.items()}
        return x, gradient, [*of_condition, *(gradient_of.get(id(weight)) for weight in weights)]

    def walk(self, visit: Visit, x: tf.Tensor) -> tf.Tensor:
        """Visit the layers in order; see `Composite.walk`. Their weights cannot be assigned to."""
        for index in range(self.repeats):
            with self._loop.layer(index) as layer:
                x = visit(str(index), layer, x)
        return x

    def walk_back(self, visit: VisitBack, y: tf.Tensor) -> tf.Tensor:
        """Visit the layers in reverse order; see `Composite.walk_back` and `walk`."""
        for index in reversed(range(self.repeats)):
            with self._loop.layer(index) as layer:
                y = visit(layer, y)
        return y

    def initialize_and_forward(self, x: tf.Tensor, condition: Condition | None = None) -> tf.Tensor:
        """Initialize each layer on the output of the previous one; return the last output."""
        stacked = self._loop.weights
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
        """Stack the layers' derived attributes like weights; see `tfwolf.core.freeze.freeze`."""
        found: list[tuple[tuple[str, ...], Any, Derived]] = []
        rows = []
        for index in range(self.repeats):
            with self._loop.layer(index) as layer:
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

    @property
    def _runner(self) -> LayerLoop | LayerCalls:
        loop = self._loop
        if not layers_are_compiled():
            return loop
        return LayerCalls(self._compiled, loop.weights, loop.repeats)

    @property
    def _loop(self) -> LayerLoop:
        stacked = [self.weights[name] for name in self._order]
        return LayerLoop(self._template, stacked, self.repeats)


def _check_repeatable(layer: FlowBijector) -> None:
    """Raise a `ValueError` if weights cannot be bound to the layer in turn."""
    for found, reason in (
        (layer.normalizes_over_batch, 'normalizes over the batch'),
        (layer.preparation is not None, 'needs a preparation'),
        (_contains_repeat(layer), 'contains a `Repeat`'),
    ):
        if found:
            raise ValueError(
                f'`make_layer` must return layers that can be repeated; got {layer.name!r}, which '
                f'{reason}. Use a `Chain` instead.'
            )


def _contains_repeat(layer: FlowBijector) -> bool:
    return isinstance(layer, Repeat) or (
        isinstance(layer, Composite) and any(map(_contains_repeat, layer.parts))
    )
