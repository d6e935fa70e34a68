"""Files that are complete or absent, and their checksums."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Iterator

Path = str | os.PathLike

# Added to the name of a file while it is written.
UNFINISHED = '.part'


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[str]:
    """Yields a path beside `path` to write to; what was written there becomes the file `path`,
    whole or not at all.

    At the end the file is flushed to the disk and renamed, so that a reader sees the old file or
    the new one. After an error inside the `with` block the temporary file is removed and `path` is
    as it was.

    Args:
        path: of the file; its folder must exist.

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
    """Waits until the content of a file, or the entries of a folder, are on the disk.

    Raises:
        OSError: if there is no such file or folder, or the disk reports an error.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Writes a text file in UTF-8, whole or not at all."""
    with atomic_path(path) as temporary, open(temporary, 'w', encoding='utf-8') as file:
        file.write(text)


def write_json(path: Path, value: object) -> None:
    """Writes a value as JSON, whole or not at all; numbers that are not finite, which JSON does not
    have, become null.

    Raises:
        TypeError: if JSON cannot hold the value.
    """

    def finite(part: object) -> object:
        if isinstance(part, dict):
            return {name: finite(item) for name, item in part.items()}
        if isinstance(part, (list, tuple)):
            return [finite(item) for item in part]
        return None if isinstance(part, float) and not math.isfinite(part) else part

    write_text(path, json.dumps(finite(value), indent=2, allow_nan=False) + '\n')


def sha256(path: Path) -> str:
    """Returns the SHA-256 of the content of a file, as 64 hexadecimal digits.

    Raises:
        OSError: if the file cannot be read.
    """
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()
