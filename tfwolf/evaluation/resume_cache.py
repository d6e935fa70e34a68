"""What an evaluation has computed so far, on disk, so that an interrupted one goes on where it
stopped.
"""

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
    """Lists of arrays under names, kept in one file until `remove`.

    Args:
        path: the file (.npz).
        key: dict of what JSON can hold, everything that the arrays depend on. A file with another
            key is not used.
        writes: whether this process is the one that writes the file.
    """

    def __init__(self, path: str, key: dict[str, Any], writes: bool = True) -> None:
        self._path, self._writes = path, writes
        self._key = json.dumps(key, sort_keys=True)
        self._rows = self._read()
        self._saved = time.monotonic()

    def rows(self, name: str) -> list[np.ndarray]:
        """Returns the arrays under a name, in the order in which they were added."""
        return list(self._rows.get(name, ()))

    @property
    def position(self) -> str:
        """How much there is under each name, as text."""
        return ', '.join(f'{name}: {len(rows)}' for name, rows in self._rows.items())

    def clear(self) -> None:
        """Forgets what the file held."""
        self._rows = {}

    def append(self, name: str, row: np.ndarray) -> None:
        """Adds an array; the file is written every `SECONDS_BETWEEN_SAVES`."""
        self._rows.setdefault(name, []).append(row)
        if time.monotonic() - self._saved > SECONDS_BETWEEN_SAVES:
            self.save()

    def save(self) -> None:
        """Writes the file, whole or not at all."""
        if not self._writes:
            return
        arrays = {
            f'{name}/{number}': row
            for name, rows in self._rows.items()
            for number, row in enumerate(rows)
        }
        with atomic_path(self._path) as temporary, open(temporary, 'wb') as file:
            np.savez(file, key=self._key, **arrays)
        self._saved = time.monotonic()

    def remove(self) -> None:
        """Deletes the file: all of it has gone into a result."""
        if self._writes and os.path.exists(self._path):
            os.remove(self._path)

    def _read(self):
        try:
            with np.load(self._path, allow_pickle=False) as file:
                if str(file['key']) != self._key:
                    return {}
                rows = {}
                # The order of names within the archive is that in which they were added.
                for entry in file.files[1:]:
                    rows.setdefault(entry.rpartition('/')[0], []).append(file[entry])
                return rows
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            # Cut short by a full disk or a crash: computed again.
            return {}
