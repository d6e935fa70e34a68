"""Paths as users write them."""

from __future__ import annotations

import os
import re

# TensorFlow takes these as patterns when it looks for a checkpoint or for records, and finds none.
_PATTERN = re.compile(r'\\|\[.*\]', re.DOTALL)


def expanded(path: str | os.PathLike[str]) -> str:
    """Return a path as text, with `~` replaced by the home of the user."""
    return os.path.expanduser(os.fspath(path))


def for_tensorflow(name: str, path: str | os.PathLike[str]) -> str:
    """Return the `expanded` path of a folder whose files TensorFlow can find again.

    Args:
        name: of the argument or flag.
        path: of the folder.

    Raises:
        ValueError: if the path has characters that TensorFlow takes as a pattern.
    """
    path = expanded(path)
    if found := _PATTERN.search(path):
        raise ValueError(
            f'`{name}` must not contain {found[0]!r}: TensorFlow takes brackets and backslashes '
            f'in paths as patterns, and would not find its files again; got {name}={path!r}. '
            'Rename the folder, or name a link to it that has other characters.'
        )
    return path
