"""Reads and checks the fields of a request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tfwolf.explorer.refusal import Refusal


class Fields:
    """The JSON object of a request.

    Args:
        body: the parsed JSON.
        known: names of valid fields.

    Raises:
        Refusal: if `body` is not an object or has an unknown field. All methods raise it for a
            missing or invalid value.
    """

    def __init__(self, body: Any, known: Iterable[str]) -> None:
        if not isinstance(body, dict):
            raise Refusal('The request must be a JSON object.')
        unknown = sorted(body.keys() - set(known))
        if unknown:
            raise Refusal(
                f'Unknown field {unknown[0][:40]!r}; valid fields: {", ".join(sorted(known))}.'
            )
        self._body = body

    def integer(self, name: str, low: int, high: int) -> int:
        """Return an integer from `low` to `high`."""
        value = self._body.get(name)
        if type(value) is not int or not low <= value <= high:
            raise Refusal(f'`{name}` must be an integer from {low} to {high}; got {_shown(value)}.')
        return value

    def number(self, name: str, low: float, high: float) -> float:
        """Return a number from `low` to `high`."""
        return _number(name, self._body.get(name), low, high)

    def numbers(self, name: str, low: float, high: float, most: int) -> list[float]:
        """Return a list of 1 to `most` numbers from `low` to `high`."""
        value = self._body.get(name)
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            raise Refusal(f'`{name}` must be a list of 1 to {most} numbers; got {_shown(value)}.')
        return [_number(name, item, low, high) for item in value]

    def raw(self, name: str) -> Any:
        """Return the value unchecked, None if it is missing."""
        return self._body.get(name)


def _number(name, value, low, high):
    # Not isinstance: in Python, a bool is an int. NaN is not between any numbers, and an integer
    # may be too large for a float.
    if type(value) not in (int, float) or not low <= value <= high:
        raise Refusal(f'`{name}` must be a number from {low} to {high}; got {_shown(value)}.')
    return float(value)


def _shown(value):
    if isinstance(value, list):
        return f'a list of {len(value)}'
    if isinstance(value, dict):
        return 'an object'
    return 'nothing' if value is None else repr(value)[:40]
