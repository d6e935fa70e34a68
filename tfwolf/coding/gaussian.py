"""Normal distributions of integers: coarse bins by their probability, places within them evenly."""

from __future__ import annotations

import numpy as np

from tfwolf.coding.stack import Stack

# Bins per standard deviation. The density within a bin counts as constant, which costs about
# 1.44 / (24 * 64^2) bits.
BINS = 64
# Bins on each side of the mean: 16 standard deviations. Values in the last bins follow in full.
LIMIT = 16 * BINS
DIGIT = 2**16
MAX_WIDTH = 2**23


def push_normal(
    stack: Stack, values: np.ndarray, mean: np.ndarray, std: np.ndarray, draws: bool = False
) -> None:
    """Push integers by the density N(mean, std).

    Args:
        stack: the `Stack`.
        values: int64 `[n]`.
        mean: int64 `[n]`.
        std: float64 `[n]`, in the unit of the integers.
        draws: whether the values were drawn by `pop_normal`, so that none is more than 16 standard
            deviations from the mean. Otherwise there may be such values.

    Raises:
        ValueError: if a value is billions of standard deviations from the mean.
    """
    width, std_of_bins = _bins(std)
    bins, places = np.divmod(values - mean, width)
    stack.push_uniform(places, width)
    clipped = np.clip(bins, -LIMIT, LIMIT)
    if not draws:
        stack.push_uniform(*_digits(np.abs(bins[_far(clipped)]) - LIMIT))
    # Bin b is [b, b + 1).
    stack.push_bins(clipped, LIMIT, -0.5, std_of_bins)


def pop_normal(stack: Stack, mean: np.ndarray, std: np.ndarray, draws: bool = False) -> np.ndarray:
    """Return the integers of `push_normal`, or draws from N(mean, std), int64 `[n]`."""
    width, std_of_bins = _bins(std)
    bins = stack.pop_bins(LIMIT, -0.5, std_of_bins)
    if not draws:
        far = _far(bins)
        high, low = stack.pop_uniform(np.full(2 * len(far), DIGIT)).reshape(2, -1)
        bins[far] += np.sign(bins[far]) * (high * DIGIT + low)
    return mean + bins * width + stack.pop_uniform(width)


def _bins(std: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the widths of bins in units of the grid, and standard deviations in bins."""
    std = np.clip(std, 1.0, MAX_WIDTH * BINS)
    width = np.maximum(np.rint(std / BINS), 1).astype(np.int64)
    return width, std / width


def _far(bins: np.ndarray) -> np.ndarray:
    return np.flatnonzero(np.abs(bins) == LIMIT)


def _digits(excess: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two digits of each number, and the sizes of their range.

    Raises:
        ValueError: if a number has more than two digits.
    """
    high, low = np.divmod(excess, DIGIT)
    if high.size and high.max() >= DIGIT:
        raise ValueError('Values of the flow are too large to be coded.')
    return np.concatenate([high, low]), np.full(2 * len(excess), DIGIT)
