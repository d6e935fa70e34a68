"""Checks of arguments where they enter: each raises a `ValueError` with the name, the rule and the
value received.
"""

from __future__ import annotations

import numbers
from typing import Any


def integer(name: str, value: Any, minimum: int) -> int:
    """Returns `value` if it is an integer of at least `minimum`.

    Raises:
        ValueError: if it is not.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < minimum:
        raise ValueError(
            f'`{name}` must be an integer of at least {minimum}; got {name}={value!r}.'
        )
    return int(value)


def real(
    name: str,
    value: Any,
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> float:
    """Returns `value` as a float if it lies within the given bounds (`above` and `below` are
    strict).

    Raises:
        ValueError: if it is not a finite real number within them.
    """
    good = (
        isinstance(value, numbers.Real)
        and not isinstance(value, bool)
        and abs(value) < float('inf')
    )
    good = good and (minimum is None or value >= minimum) and (maximum is None or value <= maximum)
    good = good and (above is None or value > above) and (below is None or value < below)
    if not good:
        bounds = [(minimum, 'at least'), (above, 'above'), (maximum, 'at most'), (below, 'below')]
        rule = ' and '.join(f'{word} {bound}' for bound, word in bounds if bound is not None)
        raise ValueError(
            f'`{name}` must be a finite number{" " + rule if rule else ""}; got {name}={value!r}.'
        )
    return float(value)


def num_bits(value: Any) -> int:
    """Returns `value` if it is a number of bits per colour value, 1 to 8.

    Raises:
        ValueError: if it is not.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or not 1 <= value <= 8:
        raise ValueError(f'`num_bits` must be an integer from 1 to 8; got num_bits={value!r}.')
    return int(value)
