"""The integer form of each kind of layer: exactly invertible, at the bits of its log-determinant.

`integer_layer` finds the form of a layer by its type. Other types are added with
`integer_layer.register`, see `functools.singledispatch`.
"""

from __future__ import annotations

import functools
from typing import NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from tfwolf.bijectors.actnorm import ActNorm
from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.batch_norm import BatchNormFlow
from tfwolf.bijectors.coupling import Coupling
from tfwolf.bijectors.invertible_linear import InvertibleLinear
from tfwolf.bijectors.logit import Logit
from tfwolf.bijectors.reindexing import Reindexing
from tfwolf.bijectors.standardization import Standardization
from tfwolf.bijectors.transforms import Additive, ExpAffine
from tfwolf.coding.grid import Grid
from tfwolf.coding.matrix import IntegerMatrix
from tfwolf.coding.piecewise import IntegerTable
from tfwolf.coding.scaling import Ratio, divide, multiply, ratio_of
from tfwolf.coding.stack import Stack
from tfwolf.nets.condition import Condition

# Intervals of the table of an element-wise function.
INTERVAL_BITS = 10


class Coder(NamedTuple):
    """What the integer forms of layers compute with.

    Attributes:
        stack: the `Stack` that they exchange bits with.
        grid: the `Grid` of values.
        scale_bits: of scales, as in `ratio_of`.
    """

    stack: Stack
    grid: Grid
    scale_bits: int


class IntegerLayer(Protocol):
    """A layer on integers of a grid.

    `inverse` returns x exactly, and leaves the stack as it was before `forward`.
    """

    def forward(self, x: np.ndarray, condition: Condition | None, coder: Coder) -> np.ndarray:
        """Return y, int64 `[batch, ...]`, for x of that kind."""
        ...

    def inverse(self, y: np.ndarray, condition: Condition | None, coder: Coder) -> np.ndarray:
        """Return the x of `forward`."""
        ...


@functools.singledispatch
def integer_layer(layer: FlowBijector) -> IntegerLayer:
    """Return the integer form of a layer.

    Raises:
        ValueError: if its type has none.
    """
    raise ValueError(
        f'The flow cannot be coded: there is no integer form of {type(layer).__name__}.'
    )


class ElementWise:
    """y = x exp(log_scale) + shift, with numbers that do not depend on x.

    Args:
        layer: an element-wise affine `FlowBijector`.
    """

    def __init__(self, layer: FlowBijector) -> None:
        self._layer = layer

    def forward(self, x: np.ndarray, condition: Condition | None, coder: Coder) -> np.ndarray:
        """Scale and shift; see `IntegerLayer`."""
        shift, ratio = self._affine(x, condition, coder)
        return multiply(coder.stack, x, ratio) + shift

    def inverse(self, y: np.ndarray, condition: Condition | None, coder: Coder) -> np.ndarray:
        """Undo the shift and the scale; see `IntegerLayer`."""
        shift, ratio = self._affine(y, condition, coder)
        return divide(coder.stack, y - shift, ratio)

    def _affine(
        self, x: np.ndarray, condition: Condition | None, coder: Coder
    ) -> tuple[np.ndarray, Ratio]:
        # f(0) is the shift, and the contributions to the log-determinant are the log-scales.
        zeros = tf.zeros(x.shape, self._layer.dtype)
        shift, log_scale = self._layer.forward_with_contributions(zeros, zeros, condition)
        return coder.grid.to_integers(shift), ratio_of(log_scale.numpy(), coder.scale_bits)


class AffineCoupling:
    """y_b = x_b exp(log_scale(x_a)) + shift(x_a), y_a = x_a.

    Args:
        layer: a `Coupling` with an affine transform.

    Raises:
        ValueError: if the transform is not affine.
    """

    def __init__(self, layer: Coupling) -> None:
        if not isinstance(layer.transform, (ExpAffine, Additive)):
            raise ValueError(
                'The flow cannot be coded: there is no integer form of a coupling with '
                f'{type(layer.transform).__name__}, which is not affine.'
            )
        self._layer = layer

    def forward(self, x: np.ndarray, condition: Condition | None, coder: Coder) -> np.ndarray:
        """Transform part b; see `IntegerLayer`."""
        a, b = self._layer.split.split(tf.constant(x))
        shift, ratio = self._affine(a, b, condition, coder)
        b = multiply(coder.stack, b.numpy(), ratio) + shift
        return self._layer.split.merge(a, tf.constant(b)).numpy()

    def inverse(self, y: np.ndarray, condition: Condition | None, coder: Coder) -> np.ndarray:
        """Undo the transform of part b; see `IntegerLayer`."""
        a, b = self._layer.split.split(tf.constant(y))
        shift, ratio = self._affine(a, b, condition, coder)
        b = divide(coder.stack, b.numpy() - shift, ratio)
        return self._layer.split.merge(a, tf.constant(b)).numpy()

    def _affine(
        self, a: tf.Tensor, b: tf.Tensor, condition: Condition | None, coder: Coder
    ) -> tuple[np.ndarray, Ratio]:
        layer = self._layer
        parameters = layer.net(coder.grid.to_floats(a.numpy(), layer.dtype), condition)
        zeros = tf.zeros(b.shape, layer.dtype)
        shift, log_scale = (
            # Of a checkerboard, part b has all pixels; those of part a stay as they are.
            layer.split.only_transformed(part).numpy()
            for part in layer.transform.forward(zeros, parameters)
        )
        return coder.grid.to_integers(shift), ratio_of(log_scale, coder.scale_bits)


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


for _affine in (ActNorm, BatchNormFlow, Standardization):
    integer_layer.register(_affine, ElementWise)
integer_layer.register(Coupling, AffineCoupling)
integer_layer.register(InvertibleLinear, LinearMap)
integer_layer.register(Reindexing, Reordering)
integer_layer.register(Logit, LogitTable)
