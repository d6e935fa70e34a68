"""The base class of layers that only reorder dimensions, such as permutations and squeezes."""

from __future__ import annotations

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.log_det_terms import Terms
from tfwolf.nets.condition import Condition


class Reindexing(FlowBijector):
    """y contains the entries of x in a different order or shape; log|det| = 0.

    A subclass defines `move` and `move_back`.
    """

    def move(self, values: tf.Tensor) -> tf.Tensor:
        """Return values of x's dimensions, `[batch, ...]`, at their positions in y."""
        raise NotImplementedError

    def move_back(self, values: tf.Tensor) -> tf.Tensor:
        """Return values of y's dimensions, `[batch, ...]`, at their positions in x."""
        raise NotImplementedError

    def _forward_terms(
        self, x: tf.Tensor, condition: Condition | None, training: bool
    ) -> tuple[tf.Tensor, Terms]:
        return self.move(x), 0.0

    def _inverse_terms(self, y: tf.Tensor, condition: Condition | None) -> tuple[tf.Tensor, Terms]:
        return self.move_back(y), 0.0

    def forward_with_contributions(
        self, x: tf.Tensor, contributions: tf.Tensor, condition: Condition | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Reorder x and its contributions; see `FlowBijector.forward_with_contributions`."""
        return self.move(x), self.move(contributions)
