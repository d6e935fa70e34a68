"""Increasing functions of one value on integers: linear between the knots of a table."""

from __future__ import annotations

import numpy as np

from tfwolf.coding.scaling import Ratio, divide, multiply
from tfwolf.coding.stack import Stack


class IntegerTable:
    """y = f(x) for integers between the first and the last knot, linear in between.

    Within an interval, y is x times the rational slope, which `multiply` inverts exactly.

    Args:
        x: knots, increasing int64 `[n]`.
        y: f at the knots, increasing int64 `[n]`.

    Raises:
        ValueError: if x or y does not increase.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        self._x, self._y = x, y
        self._widths = np.diff(x), np.diff(y)
        if min(width.min() for width in self._widths) < 1:
            raise ValueError(
                'A function of the model is too flat for the grid of the code. Use more '
                '`fraction_bits`.'
            )

    def forward(self, stack: Stack, x: np.ndarray) -> np.ndarray:
        """Return f(x), int64 of x's shape; bits of its slopes are exchanged with the stack."""
        place = self._places(self._x, x)
        return self._y[place] + multiply(stack, x - self._x[place], self._slopes(place))

    def inverse(self, stack: Stack, y: np.ndarray) -> np.ndarray:
        """Return the x of `forward`, int64 of y's shape."""
        place = self._places(self._y, y)
        return self._x[place] + divide(stack, y - self._y[place], self._slopes(place))

    def _places(self, knots: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return the number of the interval of each value."""
        if values.min() < knots[0] or values.max() >= knots[-1]:
            raise ValueError('Values of the flow are outside of the range of a function.')
        return np.searchsorted(knots, values, side='right') - 1

    def _slopes(self, place: np.ndarray) -> Ratio:
        of_x, of_y = self._widths
        return Ratio(of_y[place], of_x[place])
