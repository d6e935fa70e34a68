"""Partial results of an evaluation on disk, so that an interrupted one can be resumed."""

from __future__ import annotations

import json
import os
import time
import zipfile
from typing import Any

import numpy as np

from tfwolf.core.files import atomic_path

SECONDS_BETWEEN_SAVES = 10.0


class ResumeCache:
    """Lists of arrays by name, stored in one file until `remove`.

    Args:
        path: the file (.npz).
        key: dict for JSON of everything that the arrays depend on. A file with another key is
            ignored.
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
        """Add an array; the file is written every `SECONDS_BETWEEN_SAVES`."""
        self._rows.setdefault(name, []).append(row)
        if time.monotonic() - self._saved > SECONDS_BETWEEN_SAVES:
            self.save()

    def save(self) -> None:
        """Write the file, atomically."""
        if not self._writes:
            return
        arrays: dict[str, Any] = {
            f'{name}/{number}': row
            for name, rows in self._rows.items()
            for number, row in enumerate(rows)
        }
        with atomic_path(self._path) as temporary, open(temporary, 'wb') as file:
            np.savez(file, key=self._key, **arrays)
        self._saved = time.monotonic()

    def remove(self) -> None:
        """Delete the file, when the evaluation is finished."""
        if self._writes and os.path.exists(self._path):
            os.remove(self._path)

    def _read(self) -> dict[str, list[np.ndarray]]:
        """Return the arrays of the file, or {} if it is missing, damaged or of another key."""
        try:
            with np.load(self._path, allow_pickle=False) as file:
                if str(file['key']) != self._key:
                    return {}
                rows: dict[str, list[np.ndarray]] = {}
                # The archive keeps the order in which arrays were added; its first entry is the
                # key.
                for entry in file.files[1:]:
                    rows.setdefault(entry.rpartition('/')[0], []).append(file[entry])
                return rows
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            # Missing, or truncated by a full disk or a crash: computed again.
            return {}
