"""Atomic file writes and checksums."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Iterator

Path = str | os.PathLike

# Suffix of a file that is still being written.
UNFINISHED = '.part'


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[str]:
    """Yield a temporary path whose file replaces `path` when the `with` block ends.

    At the end of the block the temporary file is flushed to disk and renamed, so a reader sees
    either the old file or the complete new one. If the block raises an error, the temporary file is
    removed and `path` is unchanged.

    Args:
        path: path of the file; its folder must exist.

    Raises:
        OSError: if the file cannot be flushed or renamed.
    """
    temporary = f'{os.fspath(path)}{UNFINISHED}'
    try:
        yield temporary
        flush(temporary)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.remove(temporary)
        raise


def flush(path: Path) -> None:
    """Flush the content of a file, or the entries of a folder, to disk.

    Raises:
        OSError: if the file or folder does not exist, or the disk reports an error.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    with atomic_path(path) as temporary, open(temporary, 'w', encoding='utf-8') as file:
        file.write(text)


def write_json(path: Path, value: object) -> None:
    """Write a value as JSON atomically; NaN and infinite numbers are written as null.

    Raises:
        TypeError: if the value cannot be represented in JSON.
    """

    def finite(part: object) -> object:
        if isinstance(part, dict):
            return {name: finite(item) for name, item in part.items()}
        if isinstance(part, (list, tuple)):
            return [finite(item) for item in part]
        return None if isinstance(part, float) and not math.isfinite(part) else part

    write_text(path, json.dumps(finite(value), indent=2, allow_nan=False) + '\n')


def sha256(path: Path) -> str:
    """Return the SHA-256 of the content of a file as 64 hexadecimal digits.

    Raises:
        OSError: if the file cannot be read.
    """
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()
