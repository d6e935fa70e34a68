"""Conversion of arrays with values of a known range to uint8."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence

import numpy as np

ValueRange = Sequence[float]

SCALE_ADVICE = ' Multiply values from 0 to 1 by 255 and cast them to uint8.'
RANGE_ADVICE = ' Of files you can state the range instead, such as dataset.value_range = (0, 1)'


def to_uint8(name: str, values: np.ndarray, value_range: ValueRange | None = None) -> np.ndarray:
    """Return an array as uint8, of the same shape; uint8 is unchanged without a range.

    With a range, (value - low) / (high - low) * 255 is rounded.

    Args:
        name: name of the array in messages.
        values: booleans, integers or floating-point numbers.
        value_range: (low, high), the values of black and white; None if they are uint8.

    Raises:
        ValueError: if the values are not uint8 and there is no range, or a value is outside of it.
    """
    if value_range is None:
        if values.dtype != np.uint8:
            raise ValueError(
                f'{name} must be uint8 from 0 to 255; got {values.dtype} {values.shape}'
                f'{_extent(values)}.{SCALE_ADVICE}{RANGE_ADVICE}.'
            )
        return values
    low, high = check_value_range(value_range)
    if values.dtype == np.uint8 and (low, high) == (0, 255):
        return values
    if values.dtype.kind not in 'buif':
        raise ValueError(f'{name} must be numbers; got {values.dtype} {values.shape}.')
    if values.size and not (values.min() >= low and values.max() <= high):
        raise ValueError(
            f'{name} must be finite and within value_range=({low:g}, {high:g}); got '
            f'{values.dtype}{_extent(values)}. Correct the range or the values.'
        )
    result = np.empty(values.shape, np.uint8)
    for part, source in zip(result, values):
        part[...] = np.rint((np.asarray(source, np.float64) - low) * (255 / (high - low)))
    return result


def check_value_range(value_range: object) -> tuple[float, float]:
    """Return (low, high) as floats.

    Raises:
        ValueError: if it is not a pair of finite numbers, the first one less than the second.
    """
    pair = value_range if isinstance(value_range, (tuple, list)) else ()
    numeric = all(
        isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
        for value in pair
    )
    if len(pair) != 2 or not numeric or not pair[0] < pair[1]:
        raise ValueError(
            '`value_range` must be (low, high), the values of black and white with low < high, '
            f'such as (0, 1); got value_range={value_range!r}.'
        )
    return float(pair[0]), float(pair[1])


def _extent(values: np.ndarray) -> str:
    if not values.size or values.dtype.kind not in 'buif':
        return ''
    return f' with values from {values.min():g} to {values.max():g}'
