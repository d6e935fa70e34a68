"""Partial results of an evaluation on disk, so that an interrupted one can be resumed."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from typing import Any

import numpy as np

from tfwolf.core.messages import first_line
from tfwolf.core.sealed_archive import read_sealed, write_sealed

SECONDS_BETWEEN_SAVES = 10.0
# Name of the key in the file.
KEY = 'key'


class ResumeCache:
    """Lists of arrays by name, stored in one file until `remove`.

    Args:
        path: the file (.npz).
        key: dict for JSON of everything that the arrays depend on. A file with another key is
            ignored, and so is a damaged one: its arrays are computed again.
        writes: whether this process writes the file.
    """

    def __init__(
        self, path: str | os.PathLike[str], key: dict[str, Any], writes: bool = True
    ) -> None:
        self._path, self._writes = path, writes
        self._key = json.dumps(key, sort_keys=True)
        self._rows = self._read()
        self._saved = time.monotonic()

    def rows(self, name: str) -> list[np.ndarray]:
        """Return the arrays under a name, in the order in which they were added."""
        return list(self._rows.get(name, ()))

    @property
    def position(self) -> str:
        """The number of arrays under each name, as text."""
        return ', '.join(f'{name}: {len(rows)}' for name, rows in self._rows.items())

    def clear(self) -> None:
        """Remove all arrays from memory; the file stays."""
        self._rows = {}

    def append(self, name: str, row: np.ndarray) -> None:
        """Add an array; the file is written every `SECONDS_BETWEEN_SAVES`.

        A file that cannot be written is reported on stderr: the evaluation does not need it.
        """
        self._rows.setdefault(name, []).append(row)
        if time.monotonic() - self._saved > SECONDS_BETWEEN_SAVES:
            try:
                self.save()
            except OSError as error:
                print(
                    f'WARNING: {self._path} could not be written ({first_line(error)}): an '
                    'interrupted evaluation would start again.',
                    file=sys.stderr,
                )
                self._writes = False

    def save(self) -> None:
        """Write the file, atomically."""
        if not self._writes:
            return
        arrays = {
            f'{name}/{number}': row
            for name, rows in self._rows.items()
            for number, row in enumerate(rows)
        }
        write_sealed(self._path, {KEY: np.array(self._key), **arrays})
        self._saved = time.monotonic()

    def remove(self) -> None:
        """Delete the file, when the evaluation is finished."""
        if self._writes:
            with contextlib.suppress(OSError):
                os.remove(self._path)

    def _read(self) -> dict[str, list[np.ndarray]]:
        """Return the arrays of the file, or {} if it is missing, damaged or of another key."""
        arrays = read_sealed(self._path) or {}
        rows: dict[str, list[np.ndarray]] = {}
        if str(arrays.pop(KEY, '')) == self._key:
            # In the order in which they were added.
            for entry, row in arrays.items():
                rows.setdefault(entry.rpartition('/')[0], []).append(row)
        return rows
