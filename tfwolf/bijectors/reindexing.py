"""What all layers share that only move dimensions to other places: permutations, squeezes."""

from __future__ import annotations

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.log_det_terms import Terms


class Reindexing(FlowBijector):
    """y holds the entries of x at other places; log|det| = 0. A layer writes `move` and
    `move_back`.
    """

    def move(self, values: tf.Tensor) -> tf.Tensor:
        """Returns values of x's dimensions, `[batch, ...]`, at their places in y."""
        raise NotImplementedError

    def move_back(self, values: tf.Tensor) -> tf.Tensor:
        """Returns values of y's dimensions, `[batch, ...]`, at their places in x."""
        raise NotImplementedError

    def _forward_terms(
        self, x: tf.Tensor, condition: tf.Tensor | None, training: bool
    ) -> tuple[tf.Tensor, Terms]:
        return self.move(x), 0.0

    def _inverse_terms(self, y: tf.Tensor, condition: tf.Tensor | None) -> tuple[tf.Tensor, Terms]:
        return self.move_back(y), 0.0

    def forward_with_contributions(
        self, x: tf.Tensor, contributions: tf.Tensor, condition: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """As `FlowBijector.forward_with_contributions`: a dimension takes its contribution along."""
        return self.move(x), self.move(contributions)
