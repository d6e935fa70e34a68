"""Checks of arguments; each raises a `ValueError` with the argument, the rule and the value."""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from typing import Any


def integer(name: str, value: Any, minimum: int) -> int:
    """Return `value` if it is an integer of at least `minimum`.

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
    """Return `value` as a float if it is finite and within the bounds.

    Args:
        name: name of the argument in the message.
        value: value to check.
        minimum, maximum: inclusive bounds, or None.
        above, below: strict bounds, or None.

    Raises:
        ValueError: if it is not a finite real number within the bounds.
    """
    number: Any = value  # `numbers.Real` declares no comparison with `float`.
    good = isinstance(value, numbers.Real) and not isinstance(value, bool)
    good = good and abs(number) < float('inf')
    good = good and (minimum is None or number >= minimum)
    good = good and (maximum is None or number <= maximum)
    good = good and (above is None or number > above) and (below is None or number < below)
    if not good:
        bounds = [(minimum, 'at least'), (above, 'above'), (maximum, 'at most'), (below, 'below')]
        rule = ' and '.join(f'{word} {bound}' for bound, word in bounds if bound is not None)
        raise ValueError(
            f'`{name}` must be a finite number{" " + rule if rule else ""}; got {name}={value!r}.'
        )
    return float(value)


def num_bits(value: Any) -> int:
    """Return `value` if it is a valid number of bits per color value, 1 to 16.

    Raises:
        ValueError: if it is not.
    """
    if (
        isinstance(value, bool)
        or not isinstance(value, numbers.Integral)
        or not 1 <= int(value) <= 16
    ):
        raise ValueError(f'`num_bits` must be an integer from 1 to 16; got num_bits={value!r}.')
    return int(value)


def static_shape(name: str, shape: Iterable[int | None]) -> tuple[int, ...]:
    """Return a shape as integers if all its sizes are known.

    Args:
        name: name of the argument in the message.
        shape: such as a `tf.TensorShape`.

    Raises:
        ValueError: if a size is unknown.
    """
    sizes = tuple(shape)
    known = tuple(size for size in sizes if size is not None)
    if len(known) < len(sizes):
        raise ValueError(f'`{name}` must have a static shape; got {sizes}.')
    return known
