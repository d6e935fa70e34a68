"""Measured numbers as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def as_text(result: Mapping[str, Any]) -> str:
    """Returns a nested dict of numbers and texts as lines, what is inside indented."""
    return '\n'.join(_lines(result, 0))


def _lines(result: Mapping[str, Any], indent: int) -> Iterator[str]:
    for name, value in result.items():
        if isinstance(value, dict):
            yield f'{"":{indent}}{name.replace("_", " ")}'
            yield from _lines(value, indent + 2)
        else:
            yield f'{"":{indent}}{name.replace("_", " "):{34 - indent}}{_shown(value)}'


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return '  '.join(_shown(part) for part in value)
    if isinstance(value, float):
        return f'{value:,.0f}' if abs(value) >= 1e4 else f'{value:.4g}'
    return f'{value:,}' if isinstance(value, int) else str(value)
