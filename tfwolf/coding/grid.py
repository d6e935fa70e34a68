"""The grid of numbers with a fixed number of fractional bits, on which values are integers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

# Larger than any value of a flow that makes sense; products with a scale stay within 64 bits.
MAX_BITS = 44


class Grid(NamedTuple):
    """The multiples of 2^-k, each stored as its integer multiple.

    Attributes:
        fraction_bits: k.
    """

    fraction_bits: int

    def to_integers(self, values: np.ndarray | tf.Tensor) -> np.ndarray:
        """Return values rounded to the grid, int64 of their shape.

        Raises:
            ValueError: if a value is not finite, or is far outside of what a flow computes.
        """
        scaled = np.rint(np.asarray(values, np.float64) * 2.0**self.fraction_bits)
        # NaN fails the comparison, too.
        if not np.all(np.abs(scaled) < 2.0**MAX_BITS):
            raise ValueError(
                'The model computes values that are not finite, or too large to be coded '
                f'(2^{MAX_BITS - self.fraction_bits} and more).'
            )
        return scaled.astype(np.int64)

    def to_floats(self, integers: np.ndarray, dtype: tf.DType) -> tf.Tensor:
        """Return the numbers of integers on the grid, as a tensor of their shape."""
        return tf.constant(np.asarray(integers) * 2.0**-self.fraction_bits, dtype)
