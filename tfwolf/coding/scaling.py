"""Multiplication of integers by rational numbers, inverted exactly with bits of a stack.

For a scale R / S the layer y = x R / S is not invertible on integers: for R < S several x have the
same y, and for R > S some y have no x. With r uniform in 0 .. R - 1 from the stack and m uniform in
0 .. S - 1 onto the stack, x R + r = y S + m is a bijection between (x, r) and (y, m). It takes
log2 R bits from the stack and gives log2 S bits back: the bits that the log-determinant log(R / S)
of the layer costs.

Reference: Zhang, Kang, Ryder and Li, "iFlow: Numerically Invertible Flows for Efficient Lossless
Compression via a Uniform Coder", NeurIPS 2021, arXiv:2111.00965, section 3.1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tfwolf.coding.grid import MAX_BITS
from tfwolf.coding.stack import Stack

# Values are scaled in parts, so that only the r of one part are missing on the stack at a time.
PARTS = 16


class Ratio(NamedTuple):
    """Scales R / S.

    Attributes:
        numerators: R, positive integers, int64.
        denominators: S, positive integers of the same shape, int64.
    """

    numerators: np.ndarray
    denominators: np.ndarray


def ratio_of(log_scale: np.ndarray, scale_bits: int) -> Ratio:
    """Return rational numbers next to exp(log_scale), of the same shape.

    The larger one of R and S has about `scale_bits` bits. S is a power of two.

    Args:
        log_scale: floating-point numbers of any shape.
        scale_bits: h; scales from 2^-h to 2^h are possible.

    Raises:
        ValueError: if a log-scale is not finite.
    """
    log2_scale = np.asarray(log_scale, np.float64) / np.log(2.0)
    if not np.all(np.isfinite(log2_scale)):
        raise ValueError('The model computes scales that are not finite.')
    above = np.clip(np.ceil(log2_scale), 0, scale_bits).astype(np.int64)
    denominators = np.left_shift(1, scale_bits - above)
    scaled = np.rint(np.exp2(np.clip(log2_scale, -scale_bits, scale_bits)) * denominators)
    return Ratio(np.clip(scaled, 1, 2**scale_bits).astype(np.int64), denominators)


def multiply(stack: Stack, x: np.ndarray, ratio: Ratio) -> np.ndarray:
    """Return y = (x R + r) // S with r from the stack; the remainder goes onto the stack.

    Args:
        stack: the `Stack`.
        x: integers of any shape, int64.
        ratio: scales of the same shape.

    Raises:
        ValueError: if values are too large.
    """
    return _exchange(stack, x, ratio, forward=True)


def divide(stack: Stack, y: np.ndarray, ratio: Ratio) -> np.ndarray:
    """Return the x of `multiply`; its bits are on the stack again afterwards."""
    return _exchange(stack, y, ratio, forward=False)


def _exchange(stack: Stack, values: np.ndarray, ratio: Ratio, forward: bool) -> np.ndarray:
    """Return values R // S with remainders from and onto the stack, or the same with S and R."""
    numerators, denominators = (part.reshape(-1) for part in ratio)
    # Scales that are not 1, in parts; the last part of one direction is the first of the other.
    parts = np.array_split(np.flatnonzero(numerators != denominators), PARTS)
    if not forward:
        numerators, denominators, parts = denominators, numerators, parts[::-1]
    found = values.flatten()
    for part in parts:
        _check(found[part])
        rest = stack.pop_uniform(numerators[part])
        found[part], rest = np.divmod(found[part] * numerators[part] + rest, denominators[part])
        stack.push_uniform(rest, denominators[part])
    return found.reshape(values.shape)


def _check(values: np.ndarray) -> None:
    if values.size and np.abs(values).max() >> MAX_BITS:
        raise ValueError('Values of the flow are too large to be coded.')
