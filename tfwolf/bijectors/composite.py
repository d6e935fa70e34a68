"""Layers made of layers: how images and gradients travel through them, forward and back."""
import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector, batch_size


class Composite(FlowBijector):
    """A layer made of layers. It writes how x travels through them, in `walk`, and how y travels back, in `walk_back`.

    Forward and inverse passes, initialisation, gradients, diagnosis and whatever else looks at single layers are visits of these walks.
    Between the layers dimensions may only be moved.
    """

    def walk(self, visit, x):
        """Sends x forward through the layers inside, each by one call of `visit`.

        Args:
            visit: function `(name, layer, x) -> y` that returns the layer's output.
            x: `[batch, ...]`.

        Returns:
            y, the output of this layer.
        """
        raise NotImplementedError

    def walk_back(self, visit, y):
        """Sends y back through the layers inside, the last one first, each by one call of `visit`.

        Args:
            visit: function `(layer, y) -> x` that returns the layer's input.
            y: `[batch, ...]`.

        Returns:
            x, the input of this layer.
        """
        raise NotImplementedError

    def forward_and_log_det(self, x, condition=None):
        """Applies the layers inside; their log-determinants, `[batch]` in nats, add up."""
        return self._add_up(self.walk, lambda layer, x: layer.forward_and_log_det(x, condition), x)

    def inverse_and_log_det(self, y, condition=None):
        """Inverts the layers inside, the last one first."""
        return self._add_up(self.walk_back, lambda layer, y: layer.inverse_and_log_det(y, condition), y)

    def forward_in_training(self, x, condition=None):
        """As `FlowBijector.forward_in_training`, for every layer inside."""
        return self._add_up(self.walk, lambda layer, x: layer.forward_in_training(x, condition), x)

    def forward_and_keep(self, x, keep, condition=None):
        """As `FlowBijector.forward_and_keep`; what is kept is a list, an entry for every layer inside."""
        if not keep:
            return super().forward_and_keep(x, keep, condition)
        kept = []

        def forward(layer, x):
            y, log_det, of_layer = layer.forward_and_keep(x, keep, condition)
            kept.append(of_layer)
            return y, log_det

        return *self._add_up(self.walk, forward, x), kept

    def backpropagate(self, y, upstream, weights, kept=None, condition=None):
        """As `FlowBijector.backpropagate`, through the layers inside one after the other, the last one first."""
        gradient, log_det_gradient = upstream
        remaining = list(kept or ())
        totals = [None] * (len(weights) + (condition is not None))

        def visit(layer, both):
            nonlocal totals
            y, gradient = tf.split(both, 2, axis=0)
            x, gradient, others = layer.backpropagate(y, (gradient, log_det_gradient), weights, remaining.pop() if remaining else None, condition)
            totals = add_gradients(totals, others)
            return tf.concat([x, gradient], axis=0)

        # What moves dimensions moves their gradients alike.
        x, gradient = tf.split(self.walk_back(visit, tf.concat([y, gradient], axis=0)), 2, axis=0)
        return x, gradient, totals

    def forward_with_contributions(self, x, contributions, condition=None):
        """As `FlowBijector.forward_with_contributions`, for every layer inside."""
        def visit(name, layer, both):
            x, contributions = tf.split(both, 2, axis=0)
            return tf.concat(layer.forward_with_contributions(x, contributions, condition), axis=0)

        # Along the batch: whatever the walk moves, it moves both alike.
        return tuple(tf.split(self.walk(visit, tf.concat([x, contributions], axis=0)), 2, axis=0))

    def _add_up(self, walk, apply, x):
        total = tf.zeros([batch_size(x)], self.dtype)

        def visit(*visited):
            nonlocal total
            y, log_det = apply(*visited[-2:])
            total += log_det
            return y

        return walk(visit, x), total

    def initialize_and_forward(self, x, condition=None):
        """Initialises every layer inside on the output of the ones before it and returns the output of the last."""
        return self.walk(lambda name, layer, x: layer.initialize_and_forward(x, condition), x)


def add_gradients(first, second):
    """Returns the sums of two lists of gradients, None standing for zero."""
    return [b if a is None else a if b is None else a + b for a, b in zip(first, second, strict=True)]


def walk_leaves(layer, visit, x, path=()):
    """Walks x forward through a layer; calls `visit(path, leaf, x) -> y` for every layer that is not a `Composite`.

    Returns:
        y, the output of `layer`.
    """
    if not isinstance(layer, Composite):
        return visit(path, layer, x)
    return layer.walk(lambda name, inner, x: walk_leaves(inner, visit, x, path + (name,)), x)
