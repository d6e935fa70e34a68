"""The integer form of a layer: exactly invertible, at the bits of the layer's log-determinant.

`integer_layer` finds the form of a layer by its type. Other types are added with
`integer_layer.register`, see `functools.singledispatch`.
"""

from __future__ import annotations

import functools
from typing import NamedTuple, Protocol

import numpy as np

from tfwolf.bijectors.base import FlowBijector
from tfwolf.coding.grid import Grid
from tfwolf.coding.stack import Stack
from tfwolf.nets.condition import Condition


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
