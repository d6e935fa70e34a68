"""A stack of bits: what is pushed last is popped first, at the entropy of its distribution.

The entropy coder is ANS from `constriction` (Bamler, "Understanding Entropy Coding With Asymmetric
Numeral Systems (ANS)", 2022, arXiv:2201.01741). To pop from a distribution without having pushed
before turns bits of the stack into a draw from it. To push the draw gives the same bits back.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from tfwolf.core.extras import require_extra

# Sizes of uniform distributions are below; probabilities are multiples of 2^-24.
MAX_SIZE = 2**24
WORD_BYTES = 4


class Stack:
    """A stack of bits on top of given bytes.

    If more bits are popped than there are, the missing ones are zeros, which are back on the stack
    after the same values are pushed.

    Args:
        content: bytes at the bottom, filled up with zeros to a multiple of 4.

    Attributes:
        lowest: fewest bits on the stack after a pop, since it was last set.

    Raises:
        ValueError: if the package `constriction` is not installed.
    """

    def __init__(self, content: bytes = b'') -> None:
        words = np.frombuffer(content + bytes(-len(content) % WORD_BYTES), '<u4')
        # Sealed, so that zeros at the end of the content are kept.
        self._ans = _stream().stack.AnsCoder(words.astype(np.uint32), seal=True)
        self._uniform = _stream().model.Uniform()
        self.lowest: int = self.num_bits

    @classmethod
    def from_bytes(cls, data: bytes) -> Stack:
        """Return the stack that `to_bytes` wrote."""
        stack = cls()
        words = np.frombuffer(data, '<u4').astype(np.uint32)
        stack._ans = _stream().stack.AnsCoder(words)
        return stack

    def to_bytes(self) -> bytes:
        """Return everything on the stack."""
        return self._ans.get_compressed().astype('<u4').tobytes()

    def content(self) -> bytes:
        """Return the bytes at the bottom after everything else was popped.

        Raises:
            ValueError: if something else is left on the stack.
        """
        try:
            words = self._ans.get_compressed(unseal=True)
        except Exception as error:
            raise ValueError('The stack holds more than the bytes at its bottom.') from error
        return words.astype('<u4').tobytes()

    @property
    def num_bits(self) -> int:
        """Number of bits on the stack."""
        return self._ans.num_valid_bits()

    def push_uniform(self, values: np.ndarray, sizes: np.ndarray) -> None:
        """Push values that are uniform in `0 .. size - 1`, log2(size) bits each.

        Args:
            values: integers `[n]`.
            sizes: integers `[n]`, from 1 to 2^24 - 1.
        """
        coded = sizes > 1
        self._ans.encode_reverse(
            values[coded].astype(np.int32), self._uniform, sizes[coded].astype(np.int32)
        )

    def pop_uniform(self, sizes: np.ndarray) -> np.ndarray:
        """Return values that are uniform in `0 .. size - 1`, int64 `[n]`."""
        coded, values = sizes > 1, np.zeros(len(sizes), np.int64)
        values[coded] = self._ans.decode(self._uniform, sizes[coded].astype(np.int32))
        self.lowest = min(self.lowest, self.num_bits)
        return values

    def push_bins(self, values: np.ndarray, limit: int, mean: float, std: np.ndarray) -> None:
        """Push values in `-limit .. limit` with the probability of [value - 1/2, value + 1/2].

        Args:
            values: integers `[n]`.
            limit: largest absolute value.
            mean: of the normal distribution.
            std: its standard deviations, float64 `[n]`.
        """
        model = _stream().model.QuantizedGaussian(-limit, limit)
        self._ans.encode_reverse(values.astype(np.int32), model, np.full(len(std), mean), std)

    def pop_bins(self, limit: int, mean: float, std: np.ndarray) -> np.ndarray:
        """Return values of the distribution of `push_bins`, int64 `[n]`."""
        model = _stream().model.QuantizedGaussian(-limit, limit)
        values = self._ans.decode(model, np.full(len(std), mean), std).astype(np.int64)
        self.lowest = min(self.lowest, self.num_bits)
        return values


def _stream() -> Any:
    """Return `constriction.stream`, which has no types."""
    require_extra('compress')
    return importlib.import_module('constriction').stream
