"""One object of a JSON configuration, of which every key must be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Section:
    """One object of the JSON; every key must be read exactly once, so that none is overlooked.

    Args:
        values: the object, a dict.
        place: its path in the configuration, for messages.

    Raises:
        ValueError: if `values` is not a dict.
    """

    def __init__(self, values: Any, place: str) -> None:
        if not isinstance(values, dict):
            raise ValueError(f'`{place}` must be an object; got {values!r}.')
        self._values, self._place = dict(values), place

    def take(self, key: str, *default: Any) -> Any:
        """Return a value and remove its key.

        Args:
            key: name of the value.
            *default: returned if the key is missing.

        Raises:
            ValueError: if the key is missing and there is no default.
        """
        if key in self._values:
            return self._values.pop(key)
        if not default:
            raise ValueError(f'`{self._place}` must have the key {key!r}; it is missing.')
        return default[0]

    def require(self, key: str, allowed: Sequence[Any], *default: Any) -> Any:
        """Return a value as `take` does, and check it.

        Args:
            key: name of the value.
            allowed: values that are supported.
            *default: returned if the key is missing.

        Raises:
            ValueError: if the value is not in `allowed`.
        """
        value = self.take(key, *default)
        if value not in allowed:
            raise ValueError(
                f'`{self._place}.{key}` must be one of {allowed}; got {value!r}, which tfwolf does '
                'not support.'
            )
        return value

    def ignore(self, key: str, notices: list[str]) -> None:
        """Remove a key that has no effect, and append a notice to a list."""
        if key in self._values:
            notices.append(f'`{self._place}.{key}` has no effect and was ignored.')
            del self._values[key]

    def section(self, key: str) -> Section:
        """Return an object as a `Section` and remove its key."""
        return Section(self.take(key), f'{self._place}.{key}' if self._place else key)

    def finish(self) -> None:
        """Check that all keys were read.

        Raises:
            ValueError: if keys remain.
        """
        if self._values:
            raise ValueError(
                f'`{self._place or "the configuration"}` has keys that tfwolf does not support: '
                f'{sorted(self._values)}. Options that the paper does not use cannot be imported.'
            )
