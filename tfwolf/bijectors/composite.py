"""Layers made of layers: how images and gradients travel through them, forward and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector, Gradients, Kept, Pass
from tfwolf.bijectors.log_det_terms import batch_size

Visit = Callable[[str, FlowBijector, tf.Tensor], tf.Tensor]
VisitBack = Callable[[FlowBijector, tf.Tensor], tf.Tensor]
VisitLeaf = Callable[[tuple[str, ...], FlowBijector, tf.Tensor], tf.Tensor]


class Composite(FlowBijector):
    """A layer made of layers. It names them in `parts`, and writes how x travels through them, in
    `walk`, and y back, in `walk_back`.

    Forward and inverse passes, initialisation, gradients, auxiliary losses, diagnosis and whatever
    else looks at single layers are visits of these walks. Between the layers dimensions may only be
    moved. What a flow says of itself (`normalizes_over_batch`, `preparation`, `auxiliary_losses`)
    follows from its parts."""

    @property
    def parts(self) -> Sequence[FlowBijector]:
        """The layers directly inside, in the order in which x visits them."""
        raise NotImplementedError

    def walk(self, visit: Visit, x: tf.Tensor) -> tf.Tensor:
        """Sends x forward through the layers inside, each by one call of `visit`.

        Args:
            visit: function `(name, layer, x) -> y` that returns the layer's output.
            x: `[batch, ...]`.

        Returns:
            y, the output of this layer.
        """
        raise NotImplementedError

    def walk_back(self, visit: VisitBack, y: tf.Tensor) -> tf.Tensor:
        """Sends y back through the layers inside, the last one first, each by one call of `visit`.

        Args:
            visit: function `(layer, y) -> x` that returns the layer's input.
            y: `[batch, ...]`.

        Returns:
            x, the input of this layer.
        """
        raise NotImplementedError

    @property
    def normalizes_over_batch(self) -> bool:
        """Whether training sends an image through statistics of the whole batch, in any of the
        layers inside.
        """
        return any(part.normalizes_over_batch for part in self.parts)

    @property
    def preparation(self) -> Any | None:
        """What has to come before training, for the one layer inside that needs something, or None;
        see `tfwolf.models.preparation`.

        Raises:
            ValueError: if two layers inside each need a preparation.
        """
        found = [part.preparation for part in self.parts if part.preparation is not None]
        if len(found) > 1:
            raise ValueError(
                'At most one layer of a flow may need a preparation before training; got '
                f'{len(found)}.'
            )
        return found[0] if found else None

    @property
    def has_auxiliary_losses(self) -> bool:
        """Whether a layer inside may add something to the loss."""
        return any(part.has_auxiliary_losses for part in self.parts)

    @property
    def auxiliary_losses_read_v(self) -> bool:
        """Whether a layer inside needs the values of its output for that."""
        return any(part.auxiliary_losses_read_v for part in self.parts)

    def auxiliary_losses(
        self, v: tf.Tensor, condition: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Returns `{name: [batch]}`, the auxiliary losses of all layers inside, those of one name
        added up, in bits per dimension.

        Each layer gets its own output. v is sent back only as far as a layer inside reads it.

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
            # Where nobody reads the values any more, y stands for an x of as many images.
            return layer.inverse_and_log_det(y, condition)[0] if readers else y

        self.walk_back(visit, v)
        return losses

    def forward_and_log_det(self, x: tf.Tensor, condition: tf.Tensor | None = None) -> Pass:
        """Applies the layers inside; their log-determinants, `[batch]` in nats, add up."""
        return self._add_up(self.walk, lambda layer, x: layer.forward_and_log_det(x, condition), x)

    def inverse_and_log_det(self, y: tf.Tensor, condition: tf.Tensor | None = None) -> Pass:
        """Inverts the layers inside, the last one first."""
        return self._add_up(
            self.walk_back, lambda layer, y: layer.inverse_and_log_det(y, condition), y
        )

    def forward_in_training(self, x: tf.Tensor, condition: tf.Tensor | None = None) -> Pass:
        """As `FlowBijector.forward_in_training`, for every layer inside."""
        return self._add_up(self.walk, lambda layer, x: layer.forward_in_training(x, condition), x)

    def forward_and_keep(
        self, x: tf.Tensor, keep: bool, condition: tf.Tensor | None = None
    ) -> Kept:
        """As `FlowBijector.forward_and_keep`; what is kept is a list, an entry for every layer
        inside.
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
        condition: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor, Gradients]:
        """As `FlowBijector.backpropagate`, through the layers inside one after the other, the last
        one first.
        """
        gradient, log_det_gradient = upstream
        remaining = list(kept or ())
        totals: Gradients = [None] * (len(weights) + (condition is not None))

        def visit(layer: FlowBijector, both: tf.Tensor) -> tf.Tensor:
            nonlocal totals
            y, gradient = tf.split(both, 2, axis=0)
            of_layer = remaining.pop() if remaining else None
            x, gradient, others = layer.backpropagate(
                y, (gradient, log_det_gradient), weights, of_layer, condition
            )
            totals = add_gradients(totals, others)
            return tf.concat([x, gradient], axis=0)

        # What moves dimensions moves their gradients alike.
        x, gradient = tf.split(self.walk_back(visit, tf.concat([y, gradient], axis=0)), 2, axis=0)
        return x, gradient, totals

    def forward_with_contributions(
        self, x: tf.Tensor, contributions: tf.Tensor, condition: tf.Tensor | None = None
    ) -> Pass:
        """As `FlowBijector.forward_with_contributions`, for every layer inside."""

        def visit(name: str, layer: FlowBijector, both: tf.Tensor) -> tf.Tensor:
            x, contributions = tf.split(both, 2, axis=0)
            return tf.concat(layer.forward_with_contributions(x, contributions, condition), axis=0)

        # Along the batch: whatever the walk moves, it moves both alike.
        return tuple(tf.split(self.walk(visit, tf.concat([x, contributions], axis=0)), 2, axis=0))

    def initialize_and_forward(self, x: tf.Tensor, condition: tf.Tensor | None = None) -> tf.Tensor:
        """Initialises every layer inside on the output of the ones before it and returns the output
        of the last.
        """
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
    """Returns the sums of two lists of gradients, None standing for zero."""
    return [
        b if a is None else a if b is None else a + b for a, b in zip(first, second, strict=True)
    ]


def walk_leaves(
    layer: FlowBijector, visit: VisitLeaf, x: tf.Tensor, path: tuple[str, ...] = ()
) -> tf.Tensor:
    """Walks x forward through a layer; calls `visit(path, leaf, x) -> y` for every layer that is
    not a `Composite`.

    Returns:
        y, the output of `layer`.
    """
    if not isinstance(layer, Composite):
        return visit(path, layer, x)
    return layer.walk(lambda name, inner, x: walk_leaves(inner, visit, x, path + (name,)), x)


def leaves(layer: FlowBijector) -> list[FlowBijector]:
    """Returns all layers inside `layer` that hold no others, in the order in which x visits them;
    of a `Repeat` those of its template.
    """
    return (
        [leaf for part in layer.parts for leaf in leaves(part)]
        if isinstance(layer, Composite)
        else [layer]
    )
