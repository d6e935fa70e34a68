"""Equal layers one after the other, their weights stacked, their body traced once."""
import contextlib

import tensorflow as tf

from tfwolf import seeds, validate
from tfwolf.bijectors.base import Composite
from tfwolf.variables import named_variables


class _Template:
    """One layer whose weights are lent to it; a plain object, so that nobody takes the layer's own weights for the model's."""

    def __init__(self, layer):
        self.layer = layer
        self._slots = []
        for path, _ in named_variables(layer):
            owner = layer
            for name in path[:-1]:
                owner = owner[int(name)] if isinstance(owner, (list, tuple)) else getattr(owner, name)
            delattr(owner, path[-1])
            self._slots.append((owner, path[-1]))

    @contextlib.contextmanager
    def bound(self, values):
        """Lends the layer its weights, in the order of `named_variables`, for the length of a `with` block."""
        # Written past the attribute tracking of TensorFlow, which would take a lent tensor for the layer's own.
        for (owner, name), value in zip(self._slots, values):
            owner.__dict__[name] = value
        try:
            yield self.layer
        finally:
            for owner, name in self._slots:
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

    def _loop(self, method, x, condition, rows):
        stacked = [self.weights[name] for name in self._order]
        if self.repeats == 1:
            with self._template.bound([weight[0] for weight in stacked]) as layer:
                return getattr(layer, method)(x, condition)
        # Unstacked outside and read inside the loop: the gradient of an index into the stack would cost O(n) in every turn.
        arrays = [tf.TensorArray(weight.dtype, size=self.repeats, element_shape=weight.shape[1:]).unstack(weight)
                  for weight in stacked]

        def body(turn, x, total):
            row = rows.start + rows.step * turn
            with self._template.bound([array.read(row) for array in arrays]) as layer:
                y, log_det = getattr(layer, method)(x, condition)
            return turn + 1, tf.ensure_shape(y, x.shape), total + log_det

        start = (tf.constant(0), x, tf.zeros([tf.shape(x)[0]], self.dtype))
        _, y, total = tf.while_loop(lambda turn, *_: turn < self.repeats, body, start,
                                    parallel_iterations=1, maximum_iterations=self.repeats)
        return y, total
