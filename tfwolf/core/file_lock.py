"""Locks of the operating system on files, which it releases when a process ends."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import IO

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


def try_lock(file: IO) -> bool | None:
    """Return whether an open file could be locked without waiting, until it is closed.

    It is None where the file system has no locks.
    """
    if fcntl is None:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
