"""The order of axes in the arrays of the reference and in our weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np


class Axes(NamedTuple):
    """The order of axes of one kind of weight.

    Attributes:
        reference_shape: function from our shape to the reference's.
        to_ours: function from the reference's array to ours.
    """

    reference_shape: Callable[[Sequence[int]], Sequence[int]]
    to_ours: Callable[[np.ndarray], np.ndarray]


PLAIN = Axes(lambda shape: shape, lambda array: array)
CHANNELS = Axes(lambda shape: (shape[-1], 1, 1), lambda array: array.reshape(-1))
KERNEL = Axes(
    lambda shape: (shape[3], shape[2], shape[0], shape[1]),
    lambda array: array.transpose(2, 3, 1, 0),
)
KERNEL_LENGTH = Axes(lambda shape: (shape[-1], 1, 1, 1), lambda array: array.reshape(-1))
DENSE = Axes(lambda shape: (shape[1], shape[0]), lambda array: array.T)
DENSE_LENGTH = Axes(lambda shape: (shape[-1], 1), lambda array: array.reshape(-1))
# The reference multiplies columns, W x; ours multiplies rows, x W.
MATRIX = Axes(lambda shape: (shape[-1], shape[-1]), lambda array: array.T)
