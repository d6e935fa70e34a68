"""The integer form of a layer: exactly invertible, at the bits of the layer's log-determinant.

`integer_layer` finds the form of a layer by its type. Other types are added with
`integer_layer.register`, see `functools.singledispatch`.
"""

from __future__ import annotations

import functools
from typing import NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.coding.grid import Grid
from tfwolf.coding.scaling import Ratio, divide, multiply, ratio_of
from tfwolf.coding.stack import Stack
from tfwolf.nets.condition import Condition

# (shift, log_scale) of an affine map of single entries, both of the shape of its argument.
Affine = tuple[tf.Tensor, tf.Tensor]


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

    def apply_affine(self, x: np.ndarray, affine: Affine) -> np.ndarray:
        """Return y = x exp(log_scale) + shift, int64 of x's shape."""
        shift, log_scale = affine
        return multiply(self.stack, x, self._ratio(log_scale)) + self.grid.to_integers(shift)

    def undo_affine(self, y: np.ndarray, affine: Affine) -> np.ndarray:
        """Return the x of `apply_affine`."""
        shift, log_scale = affine
        return divide(self.stack, y - self.grid.to_integers(shift), self._ratio(log_scale))

    def _ratio(self, log_scale: tf.Tensor) -> Ratio:
        return ratio_of(log_scale.numpy(), self.scale_bits)


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
