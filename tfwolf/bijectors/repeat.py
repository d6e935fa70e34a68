"""Equal layers one after the other, their weights stacked, their body traced once."""
import contextlib
import functools

import tensorflow as tf

from tfwolf import seeds, validate
from tfwolf.bijectors.base import FlowBijector, batch_size
from tfwolf.bijectors.composite import Composite
from tfwolf.derived import derived_attributes
from tfwolf.variables import named_variables

PARALLEL_TURNS = 10


class _Template:
    """One layer whose weights are lent to it; a plain object, so that nobody takes the layer's own weights for the model's."""

    def __init__(self, layer):
        self.layer = layer
        self.slots = []
        for path, _ in named_variables(layer):
            owner = layer
            for name in path[:-1]:
                owner = owner[int(name)] if isinstance(owner, (list, tuple)) else getattr(owner, name)
            delattr(owner, path[-1])
            self.slots.append((owner, path[-1]))

    def value(self, place):
        """Returns the weight that is lent at a place in the order of `named_variables`."""
        owner, name = self.slots[place]
        return owner.__dict__[name]

    @contextlib.contextmanager
    def bound(self, values):
        """Lends the layer its weights, in the order of `named_variables`, for the length of a `with` block."""
        # Written past the attribute tracking of TensorFlow, which would take a lent tensor for the layer's own.
        for (owner, name), value in zip(self.slots, values):
            owner.__dict__[name] = value
        try:
            yield self.layer
        finally:
            for owner, name in self.slots:
                del owner.__dict__[name]


class Repeat(Composite):
    """y = f_n(... f_1(x)) for n layers of one structure; each weight is one variable `[repeats, ...]`.

    The layers run in one `tf.while_loop`, so a graph holds the body once whatever n is, and an optimizer sees n times fewer variables.
    A layer inside must keep x's shape and must not talk to other replicas.

    Args:
        make_layer: function of a seed that returns one of the layers, a `FlowBijector`.
        repeats: n, at least 1.
        seed: seed from which each layer's seed is derived.
    """

    def __init__(self, make_layer, repeats, seed=0, name='repeat'):
        self.repeats = validate.integer('repeats', repeats, minimum=1)
        layers = [make_layer(seeds.derive(seed, index)) for index in range(repeats)]
        super().__init__(event_ndims=layers[0].forward_min_event_ndims, dtype=layers[0].dtype, name=name)
        rows = [named_variables(layer) for layer in layers]
        self.weights = {
            '.'.join(path): tf.Variable(tf.stack([tf.convert_to_tensor(row[k][1]) for row in rows]),
                                        trainable=variable.trainable, name='.'.join(path))
            for k, (path, variable) in enumerate(rows[0])}
        self._order = tuple('.'.join(path) for path, _ in rows[0])
        self._template = _Template(layers[0])

    def forward_and_log_det(self, x, condition=None):
        """Applies layers 0 to n - 1; the log-determinants, `[batch]` in nats, add up."""
        return self._loop('forward_and_log_det', x, condition, rows=range(self.repeats))

    def inverse_and_log_det(self, y, condition=None):
        """Inverts layers n - 1 to 0."""
        return self._loop('inverse_and_log_det', y, condition, rows=range(self.repeats - 1, -1, -1))

    def forward_in_training(self, x, condition=None):
        """As `FlowBijector.forward_in_training`; the layers run in the loop."""
        return self._loop('forward_in_training', x, condition, rows=range(self.repeats))

    def forward_and_keep(self, x, keep, condition=None):
        """As `FlowBijector.forward_and_keep`; what is kept are the inputs of all layers, `[repeats, batch, ...]`."""
        if not keep:
            return super().forward_and_keep(x, keep, condition)
        return self._loop('forward_in_training', x, condition, range(self.repeats), keep=True)

    def backpropagate(self, y, upstream, weights, kept=None, condition=None):
        """As `FlowBijector.backpropagate`; the layers run in a loop, the last one first."""
        stacked = [self.weights[name] for name in self._order]
        trained = [place for place, weight in enumerate(stacked) if weight.trainable]
        arrays = self._unstacked()
        inputs = None if kept is None else tf.TensorArray(y.dtype, self.repeats, element_shape=y.shape).unstack(kept)

        def body(turn, y, gradient, of_condition, of_weights):
            row = self.repeats - 1 - turn
            with self._template.bound([array.read(row) for array in arrays]) as layer:
                lent = [self._template.value(place) for place in trained]
                # Of a kept step only its input: it is one piece. A rebuilt one goes layer by layer, since it needs its every input.
                backpropagate = layer.backpropagate if kept is None else functools.partial(FlowBijector.backpropagate, layer)
                x, gradient, others = backpropagate(y, (gradient, upstream[1]), lent, None if kept is None else inputs.read(row), condition)
            others = [tf.zeros_like(source) if found is None else found
                      for source, found in zip([*([] if condition is None else [condition]), *lent], others, strict=True)]
            of_condition = [total + others.pop(0) for total in of_condition]
            of_weights = [array.write(row, found) for array, found in zip(of_weights, others, strict=True)]
            return turn + 1, tf.ensure_shape(x, y.shape), tf.ensure_shape(gradient, y.shape), of_condition, of_weights

        empty = [tf.TensorArray(stacked[place].dtype, self.repeats, element_shape=stacked[place].shape[1:]) for place in trained]
        start = (tf.constant(0), y, upstream[0], [] if condition is None else [tf.zeros_like(condition)], empty)
        _, x, gradient, of_condition, of_weights = tf.while_loop(
            lambda turn, *_: turn < self.repeats, body, start, parallel_iterations=1, maximum_iterations=self.repeats)
        gradient_of = {id(stacked[place]): array.stack() for place, array in zip(trained, of_weights)}
        return x, gradient, [*of_condition, *(gradient_of.get(id(weight)) for weight in weights)]

    def walk(self, visit, x):
        """As `Composite.walk`; the weights of the layers visited cannot be assigned to."""
        stacked = [self.weights[name] for name in self._order]
        for index in range(self.repeats):
            with self._template.bound([weight[index] for weight in stacked]) as layer:
                x = visit(str(index), layer, x)
        return x

    def initialize_and_forward(self, x, condition=None):
        """Initialises layer after layer, each on the output of the one before, and returns the output of the last."""
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

    def fix_weights(self):
        """As `tfwolf.derived.fix_weights`, for the layers inside: their derived attributes are stacked as the weights are."""
        stacked = [self.weights[name] for name in self._order]
        rows = []
        for index in range(self.repeats):
            with self._template.bound([weight[index] for weight in stacked]) as layer:
                found = derived_attributes(layer)
                rows.append([attribute.compute(module) for _, module, attribute in found])
        unused = {(id(module), name) for _, module, attribute in found for name in attribute.instead_of}
        kept = [place for place, (owner, name) in enumerate(self._template.slots) if (id(owner), name) not in unused]
        names = ['.'.join((*path, attribute.name)) for path, _, attribute in found]
        fixed = {name: tf.Variable(tf.stack(values), trainable=False, name=name) for name, values in zip(names, zip(*rows))}
        self._template.slots = [*(self._template.slots[place] for place in kept), *((module, attribute.name) for _, module, attribute in found)]
        self._order = (*(self._order[place] for place in kept), *names)
        self.weights = {name: fixed[name] if name in fixed else self.weights[name] for name in self._order}

    def _unstacked(self):
        # Unstacked outside and read inside a loop: the gradient of an index into the stack would cost O(n) in every turn.
        return [tf.TensorArray(weight.dtype, size=self.repeats, element_shape=weight.shape[1:]).unstack(weight)
                for weight in (self.weights[name] for name in self._order)]

    def _loop(self, method, x, condition, rows, keep=False):
        """Returns the result and the log-determinant of the layers `rows`, and with `keep` their inputs `[repeats, ...]`."""
        if self.repeats == 1:
            with self._template.bound([self.weights[name][0] for name in self._order]) as layer:
                return *getattr(layer, method)(x, condition), *([x[tf.newaxis]] if keep else [])
        arrays = self._unstacked()

        def body(turn, x, total, inputs):
            row = rows.start + rows.step * turn
            with self._template.bound([array.read(row) for array in arrays]) as layer:
                y, log_det = getattr(layer, method)(x, condition)
            return turn + 1, tf.ensure_shape(y, x.shape), total + log_det, [array.write(row, x) for array in inputs]

        inputs = [tf.TensorArray(x.dtype, size=self.repeats, element_shape=x.shape)] if keep else []
        # Several turns at a time: the gradients of one turn's weights may wait, those of its input go on.
        _, y, total, inputs = tf.while_loop(
            lambda turn, *_: turn < self.repeats, body, (tf.constant(0), x, tf.zeros([batch_size(x)], self.dtype), inputs),
            parallel_iterations=PARALLEL_TURNS, maximum_iterations=self.repeats)
        return y, total, *(array.stack() for array in inputs)
