"""Paths in sources of images: a run stores them so that they are found from any folder."""

from __future__ import annotations

import ast
import os
from collections.abc import Mapping
from typing import Any

from tfwolf.core.paths import expanded
from tfwolf.data.registry import known_sources

# What `register_source` calls the part after the colon if it is a path.
PATH = 'PATH'


def absolute_source(value: Any) -> Any:
    """Return a source such as 'folder:images' with its path made absolute; others are unchanged.

    Args:
        value: value of a gin binding.
    """
    if not isinstance(value, str):
        return value
    name, colon, location = value.partition(':')
    source = known_sources().get(name)
    if not colon or not location or source is None or source.location != PATH:
        return value
    return f'{name}:{os.path.abspath(expanded(location))}'


def with_absolute_sources(bindings: Mapping[str, str]) -> dict[str, str]:
    """Return bindings with absolute sources, for comparison: earlier versions stored them as given.

    Args:
        bindings: `{name: value}`, both as text.
    """

    def changed(text: str) -> str:
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            return text
        return repr(absolute_source(value)) if isinstance(value, str) else text

    return {name: changed(text) for name, text in bindings.items()}
