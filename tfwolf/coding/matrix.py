"""A matrix times integer vectors, exactly invertible: triangular factors one entry at a time."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import scipy.linalg

from tfwolf.coding.scaling import Ratio, divide, multiply, ratio_of
from tfwolf.coding.stack import Stack

# Fractional bits of the entries of triangular factors.
ENTRY_BITS = 24


class IntegerMatrix:
    """y = x W for rows of integers, with W^T = P L D U.

    P is a permutation, L and U are unit triangular, D is diagonal. A unit triangular factor adds
    the rounded sum of the other entries to each entry, as additive couplings of single entries do,
    which is exact in integers. D is a scale by `multiply`, and a sign.

    Args:
        matrix: W, `[size, size]`.
        scale_bits: as in `ratio_of`.

    Raises:
        ValueError: if W is singular or not finite.
    """

    def __init__(self, matrix: np.ndarray, scale_bits: int) -> None:
        matrix = np.asarray(matrix, np.float64)
        diagonal = np.zeros(1)
        if np.all(np.isfinite(matrix)):
            permutation, lower, upper = _lu(matrix)
            diagonal = np.diag(upper)
        if not np.all(diagonal):
            raise ValueError('A matrix of the model is singular, or not finite.')
        self._order = np.argmax(permutation, axis=1)
        self._lower = _entries(lower)
        self._upper = _entries(upper / diagonal[:, np.newaxis])
        self._sign = np.sign(diagonal).astype(np.int64)
        self._ratio = ratio_of(np.log(np.abs(diagonal)), scale_bits)

    def multiply(self, stack: Stack, x: np.ndarray) -> np.ndarray:
        """Return x W, int64 `[n, size]`; bits of its scales are exchanged with the stack."""
        x = _add_rest(x, self._upper)
        x = self._sign * multiply(stack, x, self._ratio_of(x))
        return _add_rest(x, self._lower)[:, self._order]

    def solve(self, stack: Stack, y: np.ndarray) -> np.ndarray:
        """Return the x of `multiply`, int64 `[n, size]`."""
        size = len(self._order)
        y = _subtract_rest(y[:, np.argsort(self._order)], self._lower, range(size))
        y = divide(stack, self._sign * y, self._ratio_of(y))
        return _subtract_rest(y, self._upper, reversed(range(size)))

    def _ratio_of(self, x: np.ndarray) -> Ratio:
        return Ratio(*(np.broadcast_to(part, x.shape) for part in self._ratio))


def _lu(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    # SciPy's types do not depend on the flags that select the number of results.
    return scipy.linalg.lu(matrix.T)  # pyright: ignore[reportReturnType]


def _entries(factor: np.ndarray) -> np.ndarray:
    """Return the entries of a unit triangular factor off its diagonal, on a grid of integers."""
    off_diagonal = factor - np.diag(np.diag(factor))
    return np.rint(off_diagonal * 2.0**ENTRY_BITS).astype(np.int64)


def _rest(x: np.ndarray, entries: np.ndarray) -> np.ndarray:
    """Return the rounded sums of x over entries, for the last axis of x.

    Integers of 64 bits: the order of the sum does not matter, even if it overflows.
    """
    return (x @ entries + 2 ** (ENTRY_BITS - 1)) >> ENTRY_BITS


def _add_rest(x: np.ndarray, entries: np.ndarray) -> np.ndarray:
    return x + _rest(x, entries.T)


def _subtract_rest(y: np.ndarray, entries: np.ndarray, order: Iterable[int]) -> np.ndarray:
    """Return the x of `_add_rest`, whose entries are found in an order in which none is missing."""
    x = y.copy()
    for place in order:
        # The entries of x that are not found yet meet zeros.
        x[:, place] -= _rest(x, entries[place])
    return x
