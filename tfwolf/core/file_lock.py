"""A lock between processes on one machine."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


@contextlib.contextmanager
def file_lock(path: str | os.PathLike) -> Iterator[None]:
    """Hold a lock for the length of a `with` block; another process that asks for it waits.

    The operating system releases the lock when the process ends, however it ends. Where a file
    system has no locks, there is none.

    Args:
        path: of the lock file, which is created and remains.

    Raises:
        OSError: if the file cannot be created.
    """
    with open(path, 'ab') as file:
        if fcntl is not None:
            with contextlib.suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX)
        yield
