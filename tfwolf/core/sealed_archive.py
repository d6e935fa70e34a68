"""NumPy archives with a checksum of every byte, so that damage is never read as data.

An archive's own checksums do not cover its directory: a flipped bit there can exchange or repeat
entries. The SHA-256 of the file is its zip comment, which `numpy.load` ignores.
"""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
from collections.abc import Mapping
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from tfwolf.core.files import Path, atomic_path

# Hexadecimal digits of a SHA-256, at the end of the file.
DIGITS = 64
CHUNK = 2**20


def write_sealed(path: Path, arrays: Mapping[str, npt.ArrayLike]) -> None:
    """Write a sealed NumPy archive atomically.

    Args:
        path: path of the file.
        arrays: `{name: array}`, in the order in which `read_sealed` returns them.

    Raises:
        OSError: if the file cannot be written.
    """
    with atomic_path(path) as temporary, open(temporary, 'w+b') as file:
        with zipfile.ZipFile(file, 'w') as archive:
            for name, array in arrays.items():
                with archive.open(f'{name}.npy', 'w', force_zip64=True) as entry:
                    np.lib.format.write_array(entry, np.asarray(array), allow_pickle=False)
            archive.comment = bytes(DIGITS)
        seal = _seal(file)
        file.seek(-DIGITS, os.SEEK_END)
        file.write(seal)


def read_sealed(path: Path) -> dict[str, np.ndarray] | None:
    """Return the arrays of a sealed archive, or None if it is missing, damaged or not sealed."""
    try:
        # Opening a pipe would wait for a writer.
        if not stat.S_ISREG(os.stat(path).st_mode):
            return None
        with open(path, 'rb') as file:
            seal = _seal(file)
            if file.read() != seal:
                return None
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
    except OSError:
        return None


def _seal(file: BinaryIO) -> bytes:
    """Return the seal of a file, from all bytes before it; the file is then at its place."""
    left = file.seek(0, os.SEEK_END) - DIGITS
    file.seek(0)
    digest = hashlib.sha256()
    while left > 0:
        part = file.read(min(left, CHUNK))
        digest.update(part)
        left -= len(part)
    return digest.hexdigest().encode()
