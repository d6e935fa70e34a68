"""Checks of the arrays that plots are drawn of."""

from __future__ import annotations

import numpy as np
import numpy.typing


def vector(name: str, values: np.typing.ArrayLike, length: int | None = None) -> np.ndarray:
    """Return numbers as a float64 vector of at least one value.

    Values that are not finite are allowed; each plot says how it shows them.

    Args:
        name: name of the argument in the message.
        values: numbers, `[length]`.
        length: required length, or None for any.

    Raises:
        ValueError: if they are not a vector of this length.
    """
    found = np.asarray(values, np.float64)
    if found.ndim != 1 or not len(found) or length not in (None, len(found)):
        rule = 'at least one value' if length is None else f'{length} values'
        raise ValueError(f'`{name}` must be a vector of {rule}; got shape {found.shape}.')
    return found


def finite_vector(name: str, values: np.typing.ArrayLike, length: int | None = None) -> np.ndarray:
    """Return numbers as `vector` does, if all of them are finite.

    Raises:
        ValueError: also if one is not finite.
    """
    found = vector(name, values, length)
    if not np.isfinite(found).all():
        raise ValueError(
            f'`{name}` must be finite; got {int((~np.isfinite(found)).sum())} of {len(found)} '
            'values that are not.'
        )
    return found
