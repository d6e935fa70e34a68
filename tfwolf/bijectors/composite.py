"""Layers made of other layers: forward, inverse and backward passes through them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector, Gradients, Kept, Pass
from tfwolf.bijectors.log_det_terms import batch_size
from tfwolf.bijectors.preparation import Preparation
from tfwolf.nets.condition import Condition, tensors_of

Visit = Callable[[str, FlowBijector, tf.Tensor], tf.Tensor]
VisitBack = Callable[[FlowBijector, tf.Tensor], tf.Tensor]
VisitLeaf = Callable[[tuple[str, ...], FlowBijector, tf.Tensor], tf.Tensor]


class Composite(FlowBijector):
    """A layer made of other layers.

    A subclass lists them in `parts` and defines the path of x through them in `walk`, and the path
    of y back in `walk_back`. Forward and inverse passes, initialization, gradients, auxiliary
    losses and diagnosis are visits on these walks. Between the layers, a walk may only reorder
    dimensions. Properties of the flow (`normalizes_over_batch`, `preparation`, `auxiliary_losses`)
    are derived from its parts.
    """

    @property
    def parts(self) -> Sequence[FlowBijector]:
        """The direct inner layers, in the order in which x visits them."""
        raise NotImplementedError

    def walk(self, visit: Visit, x: tf.Tensor) -> tf.Tensor:
        """Pass x forward through the inner layers, with one call of `visit` for each.

        Args:
            visit: function `(name, layer, x) -> y` that returns the layer's output.
            x: `[batch, ...]`.

        Returns:
            y, `[batch, ...]`, the output of this layer.
        """
        raise NotImplementedError

    def walk_back(self, visit: VisitBack, y: tf.Tensor) -> tf.Tensor:
        """Pass y back through the inner layers, last first, with one call of `visit` for each.

        Args:
            visit: function `(layer, y) -> x` that returns the layer's input.
            y: `[batch, ...]`.

        Returns:
            x, `[batch, ...]`, the input of this layer.
        """
        raise NotImplementedError

    @property
    def normalizes_over_batch(self) -> bool:
        """Whether any inner layer uses statistics of the whole batch in training."""
        return any(part.normalizes_over_batch for part in self.parts)

    @property
    def preparation(self) -> Preparation | None:
        """The training phase that an inner layer needs first, or None.

        Raises:
            ValueError: if more than one inner layer needs a preparation.
        """
        found = [part.preparation for part in self.parts if part.preparation is not None]
        if len(found) > 1:
            raise ValueError(
                'At most one layer of a flow may need a preparation before training; got '
                f'{len(found)} layers.'
            )
        return found[0] if found else None

    @property
    def has_auxiliary_losses(self) -> bool:
        """Whether any inner layer may have auxiliary losses."""
        return any(part.has_auxiliary_losses for part in self.parts)

    @property
    def auxiliary_losses_read_v(self) -> bool:
        """Whether the auxiliary losses of any inner layer read the values of its output."""
        return any(part.auxiliary_losses_read_v for part in self.parts)

    def auxiliary_losses(
        self, v: tf.Tensor, condition: Condition | None = None
    ) -> dict[str, tf.Tensor]:
        """Return the sum of the inner layers' auxiliary losses, `{name: [batch]}`.

        The unit is bits per dimension. v is passed back only as far as a layer reads its output.

        Args:
            v: `[batch, ...]`, the output of this layer.
            condition: as in `forward_and_log_det`.
        """
        losses: dict[str, tf.Tensor] = {}
        if not self.has_auxiliary_losses:
            return losses
        readers = sum(part.auxiliary_losses_read_v for part in self.parts)

        def visit(layer: FlowBijector, y: tf.Tensor) -> tf.Tensor:
            nonlocal readers
            for name, bits in layer.auxiliary_losses(y, condition).items():
                losses[name] = losses[name] + bits if name in losses else bits
            readers -= layer.auxiliary_losses_read_v
            # If no remaining layer reads its output, only the batch size of x matters.
            return layer.inverse_and_log_det(y, condition)[0] if readers else y

        self.walk_back(visit, v)
        return losses

    def forward_and_log_det(self, x: tf.Tensor, condition: Condition | None = None) -> Pass:
        """Apply the inner layers; return y and the sum of log-determinants, `[batch]`, in nats."""
        return self._add_up(self.walk, lambda layer, x: layer.forward_and_log_det(x, condition), x)

    def inverse_and_log_det(self, y: tf.Tensor, condition: Condition | None = None) -> Pass:
        """Invert the inner layers, last layer first."""
        return self._add_up(
            self.walk_back, lambda layer, y: layer.inverse_and_log_det(y, condition), y
        )

    def forward_in_training(self, x: tf.Tensor, condition: Condition | None = None) -> Pass:
        """Apply the inner layers as in training; see `FlowBijector.forward_in_training`."""
        return self._add_up(self.walk, lambda layer, x: layer.forward_in_training(x, condition), x)

    def forward_and_keep(
        self, x: tf.Tensor, keep: bool, condition: Condition | None = None
    ) -> Kept:
        """Apply the inner layers; keep a list with one entry per layer.

        See `FlowBijector.forward_and_keep`.
        """
        if not keep:
            return super().forward_and_keep(x, keep, condition)
        kept = []

        def forward(layer: FlowBijector, x: tf.Tensor) -> Pass:
            y, log_det, of_layer = layer.forward_and_keep(x, keep, condition)
            kept.append(of_layer)
            return y, log_det

        return *self._add_up(self.walk, forward, x), kept

    def backpropagate(
        self,
        y: tf.Tensor,
        upstream: Pass,
        weights: Sequence[tf.Tensor | tf.Variable],
        kept: Any = None,
        condition: Condition | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor, Gradients]:
        """Backpropagate through the inner layers, last layer first.

        See `FlowBijector.backpropagate`.
        """
        gradient, log_det_gradient = upstream
        remaining = list(kept or ())
        totals: Gradients = [None] * (len(tensors_of(condition)) + len(weights))

        def visit(layer: FlowBijector, both: tf.Tensor) -> tf.Tensor:
            nonlocal totals
            y, gradient = tf.split(both, 2, axis=0)
            of_layer = remaining.pop() if remaining else None
            x, gradient, others = layer.backpropagate(
                y, (gradient, log_det_gradient), weights, of_layer, condition
            )
            totals = add_gradients(totals, others)
            return tf.concat([x, gradient], axis=0)

        # Stacked along the batch, so that the walk reorders values and gradients in the same way.
        x, gradient = tf.split(self.walk_back(visit, tf.concat([y, gradient], axis=0)), 2, axis=0)
        return x, gradient, totals

    def forward_with_contributions(
        self, x: tf.Tensor, contributions: tf.Tensor, condition: Condition | None = None
    ) -> Pass:
        """Apply the inner layers and accumulate contributions.

        See `FlowBijector.forward_with_contributions`.
        """

        def visit(name: str, layer: FlowBijector, both: tf.Tensor) -> tf.Tensor:
            x, contributions = tf.split(both, 2, axis=0)
            return tf.concat(layer.forward_with_contributions(x, contributions, condition), axis=0)

        # Stacked along the batch, so that the walk reorders both in the same way.
        both = self.walk(visit, tf.concat([x, contributions], axis=0))
        y, contributions = tf.split(both, 2, axis=0)
        return y, contributions

    def initialize_and_forward(self, x: tf.Tensor, condition: Condition | None = None) -> tf.Tensor:
        """Initialize each inner layer on the output of the previous one; return the last output."""
        return self.walk(lambda name, layer, x: layer.initialize_and_forward(x, condition), x)

    def _add_up(
        self,
        walk: Callable[..., tf.Tensor],
        apply: Callable[[FlowBijector, tf.Tensor], Pass],
        x: tf.Tensor,
    ) -> Pass:
        self._check_rank(x)
        total = tf.zeros([batch_size(x)], self.dtype)

        def visit(*visited: Any) -> tf.Tensor:
            nonlocal total
            y, log_det = apply(*visited[-2:])
            total += log_det
            return y

        return walk(visit, x), total


def add_gradients(first: Gradients, second: Gradients) -> Gradients:
    """Return the element-wise sum of two lists of gradients, where None means zero."""
    return [
        b if a is None else a if b is None else a + b for a, b in zip(first, second, strict=True)
    ]


def walk_leaves(
    layer: FlowBijector, visit: VisitLeaf, x: tf.Tensor, path: tuple[str, ...] = ()
) -> tf.Tensor:
    """Pass x forward through a layer and visit each inner layer that is not a `Composite`.

    Args:
        visit: function `(path, leaf, x) -> y` that returns the output of the layer `leaf`.
        path: names of the enclosing layers.

    Returns:
        y, the output of `layer`.
    """
    if not isinstance(layer, Composite):
        return visit(path, layer, x)
    return layer.walk(lambda name, inner, x: walk_leaves(inner, visit, x, path + (name,)), x)


def leaves(layer: FlowBijector) -> list[FlowBijector]:
    """Return all inner layers that are not a `Composite`, in the order in which x visits them.

    A `Repeat` contributes the layers of its template, once per repetition.
    """
    return (
        [leaf for part in layer.parts for leaf in leaves(part)]
        if isinstance(layer, Composite)
        else [layer]
    )
