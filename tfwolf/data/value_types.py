"""The type of the values that a model gets: color values of 8 or 16 bits, or continuous ones."""

from __future__ import annotations

import numpy as np

from tfwolf.core.value_range import ValueRange, to_uint8

VALUE_TYPES = ('uint8', 'uint16', 'float32')


def as_value_type(
    name: str, values: np.ndarray, value_type: str = 'uint8', value_range: ValueRange | None = None
) -> np.ndarray:
    """Return an array as values of a type, of the same shape.

    Args:
        name: name of the array in messages.
        values: booleans, integers or floating-point numbers.
        value_type: 'uint8', converted as by `to_uint8`; 'uint16' for integers from 0 to 65535,
            which are unchanged; 'float32' for any finite numbers.
        value_range: (low, high) of the values if they become uint8; else None.

    Raises:
        ValueError: if the type is unknown, a range is given for another type than uint8, or a value
            does not fit.
    """
    check_value_type(value_type, value_range)
    if value_type == 'uint8':
        return to_uint8(name, values, value_range)
    if value_type == 'uint16':
        fits = values.dtype.kind in 'bui' and (
            not values.size or (values.min() >= 0 and values.max() <= 65535)
        )
        if not fits:
            raise ValueError(
                f"{name} must be integers from 0 to 65535 for value_type='uint16'; got "
                f"{values.dtype} {values.shape}. Other numbers are value_type='float32'."
            )
        return values.astype(np.uint16)
    if values.dtype.kind not in 'buif' or not np.isfinite(values).all():
        raise ValueError(
            f"{name} must be finite real numbers for value_type='float32'; got {values.dtype} "
            f'{values.shape}{_not_finite(values)}.'
        )
    return values.astype(np.float32)


def check_value_type(value_type: str, value_range: ValueRange | None = None) -> None:
    """Check a type of values, and that only values that become uint8 have a range.

    Raises:
        ValueError: if the type is unknown, or a range is given for another type than uint8.
    """
    if value_type not in VALUE_TYPES:
        raise ValueError(
            f'`value_type` must be one of {", ".join(VALUE_TYPES)}; got value_type={value_type!r}.'
        )
    if value_type != 'uint8' and value_range is not None:
        raise ValueError(
            f'`value_range` is of values that become uint8; leave it out for '
            f'value_type={value_type!r}. Got value_range={value_range!r}.'
        )


def _not_finite(values: np.ndarray) -> str:
    if values.dtype.kind != 'f':
        return ''
    return f' with {int((~np.isfinite(values)).sum()):,} values that are not finite'
