"""Integer forms of layers that are the same for all images: matrices, new orders, the logit."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfwolf.bijectors.invertible_linear import InvertibleLinear
from tfwolf.bijectors.logit import Logit
from tfwolf.bijectors.reindexing import Reindexing
from tfwolf.coding.integer_layer import Coder, integer_layer
from tfwolf.coding.matrix import IntegerMatrix
from tfwolf.coding.piecewise import IntegerTable
from tfwolf.nets.condition import Condition

# Intervals of the table of an element-wise function.
INTERVAL_BITS = 10


class LinearMap:
    """y = x W over the last dimension.

    Args:
        layer: an `InvertibleLinear`.
    """

    def __init__(self, layer: InvertibleLinear) -> None:
        self._layer = layer

    def forward(self, x: np.ndarray, condition: Condition | None, coder: Coder) -> np.ndarray:
        """Multiply by W; see `IntegerLayer`."""
        rows = self._matrix(x, coder).multiply(coder.stack, _rows(x))
        return rows.reshape(x.shape)

    def inverse(self, y: np.ndarray, condition: Condition | None, coder: Coder) -> np.ndarray:
        """Solve for x; see `IntegerLayer`."""
        return self._matrix(y, coder).solve(coder.stack, _rows(y)).reshape(y.shape)

    def _matrix(self, x: np.ndarray, coder: Coder) -> IntegerMatrix:
        identity = tf.eye(x.shape[-1], dtype=self._layer.dtype)
        return IntegerMatrix(self._layer.matrix.multiply(identity).numpy(), coder.scale_bits)


class Reordering:
    """The entries of x in another order or shape.

    Args:
        layer: a `Reindexing`.
    """

    def __init__(self, layer: Reindexing) -> None:
        self._layer = layer

    def forward(self, x: np.ndarray, condition: Condition | None, coder: Coder) -> np.ndarray:
        """Move entries; see `IntegerLayer`."""
        return self._layer.move(tf.constant(x)).numpy()

    def inverse(self, y: np.ndarray, condition: Condition | None, coder: Coder) -> np.ndarray:
        """Move entries back; see `IntegerLayer`."""
        return self._layer.move_back(tf.constant(y)).numpy()


class LogitTable:
    """y = logit of pixels in [-1, 1), linear within each of 1024 equal intervals.

    Args:
        layer: a `Logit`.
    """

    def __init__(self, layer: Logit) -> None:
        self._layer = layer

    def forward(self, x: np.ndarray, condition: Condition | None, coder: Coder) -> np.ndarray:
        """Look up; see `IntegerLayer`."""
        return self._table(coder).forward(coder.stack, x)

    def inverse(self, y: np.ndarray, condition: Condition | None, coder: Coder) -> np.ndarray:
        """Look up backwards; see `IntegerLayer`."""
        return self._table(coder).inverse(coder.stack, y)

    def _table(self, coder: Coder) -> IntegerTable:
        one = 2**coder.grid.fraction_bits
        knots = np.linspace(-one, one, min(2**INTERVAL_BITS, 2 * one) + 1).astype(np.int64)
        image = coder.grid.to_floats(knots.reshape(1, -1, 1, 1), self._layer.dtype)
        y = self._layer.forward_and_log_det(image)[0]
        return IntegerTable(knots, coder.grid.to_integers(y).reshape(-1))


def _rows(x: np.ndarray) -> np.ndarray:
    return x.reshape(-1, x.shape[-1])


integer_layer.register(InvertibleLinear, LinearMap)
integer_layer.register(Reindexing, Reordering)
integer_layer.register(Logit, LogitTable)
