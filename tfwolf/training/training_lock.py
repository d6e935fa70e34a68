"""The lock of the folder of a run: one process trains there at a time, on any machine."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import pathlib
import socket
import threading
import time
from typing import IO, NamedTuple

from tfwolf.core.file_lock import try_lock
from tfwolf.training import run_directory

SECONDS_BETWEEN_RENEWALS = 10.0
# A lock that was not renewed for so long is left from a process that has ended. Network file
# systems show changes of another machine up to a minute late.
SECONDS_TO_STALE = 90.0
# So old a lock is stale even if the clocks of two machines differ.
SECONDS_TO_SURELY_STALE = 600.0


class Owner(NamedTuple):
    """The process that holds a lock.

    Attributes:
        host: name of its machine.
        boot: identifies the machine since its start, also from within containers; '' if unknown.
        pid: number of the process there.
        since: date and time at which it took the lock.
    """

    host: str
    boot: str
    pid: int
    since: str

    def __str__(self) -> str:
        return f'process {self.pid} on {self.host}, since {self.since}'


class TrainingLock:
    """Context in which no other process can train in a folder.

    The lock is a file with the `Owner`, locked by the operating system and touched regularly. It is
    taken over if its owner has ended: on the same machine the operating system says so; on another
    one, or without locks of files, the file is not touched any more.

    Args:
        train_dir: folder of the run; created if it does not exist.

    Raises:
        ValueError: on entry, if another process trains in the folder.
    """

    def __init__(self, train_dir: str) -> None:
        self._train_dir = train_dir
        self._path = os.path.join(train_dir, run_directory.LOCK)
        self._owner = Owner(
            socket.gethostname(),
            _boot(),
            os.getpid(),
            datetime.datetime.now().astimezone().isoformat(' ', 'milliseconds'),
        )
        self._taken_by: Owner | None = None
        self._ended = threading.Event()

    def __enter__(self) -> TrainingLock:
        os.makedirs(self._train_dir, exist_ok=True)
        while (file := self._acquire()) is None:
            pass
        self._file = file
        threading.Thread(target=self._renew, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        if self._taken_by is None:
            with contextlib.suppress(OSError):
                os.remove(self._path)
        self._file.close()

    def check(self) -> None:
        """Check that no other process has taken the lock over.

        Raises:
            RuntimeError: if one has, because this process was suspended.
        """
        if self._taken_by is not None:
            raise RuntimeError(
                f'Another process has taken over the training in {self._train_dir}: '
                f'{self._taken_by}. This one did not respond for {SECONDS_TO_STALE:.0f} s or more. '
                'It ends without saving.'
            )

    def _acquire(self) -> IO | None:
        """Return the locked file, or None to try again because its owner has just removed it."""
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(open(self._path, 'a+', encoding='utf-8', errors='replace'))
            locked, owner = try_lock(file), _read(file)
            if locked is False:
                raise self._busy(owner)
            if not _is_at(file, self._path):
                return None
            if owner is not None:
                if not (locked and owner.boot and owner.boot == self._owner.boot):
                    self._wait_until_stale(owner)
                    if not _is_at(file, self._path):
                        return None
                print(f'Taking over from {owner}, which has ended without a word.', flush=True)
            file.truncate(0)
            json.dump(self._owner._asdict(), file)
            file.flush()
            stack.pop_all()
            return file

    def _wait_until_stale(self, owner: Owner) -> None:
        """Return when a lock is stale or gone.

        Raises:
            ValueError: if it is renewed meanwhile.
        """
        touched = _touched(self._path)
        if touched is None or time.time() - touched > SECONDS_TO_SURELY_STALE:
            return
        print(
            f'{self._path} belongs to {owner}. Waiting {SECONDS_TO_STALE:.0f} s to see whether it '
            'still runs ...',
            flush=True,
        )
        deadline = time.monotonic() + SECONDS_TO_STALE
        while time.monotonic() < deadline:
            time.sleep(min(1.0, SECONDS_TO_STALE / 10))
            now = _touched(self._path)
            if now is None:
                return
            if now != touched:
                raise self._busy(owner)

    def _busy(self, owner: Owner | None) -> ValueError:
        return ValueError(
            f'Another process trains in {self._train_dir}: {owner or "an unknown one"}. Nothing '
            'was changed. Wait until it ends, or use another --train_dir.'
        )

    def _renew(self):
        while not self._ended.wait(SECONDS_BETWEEN_RENEWALS):
            # A network file system may fail for a while.
            with contextlib.suppress(OSError):
                with open(self._path, encoding='utf-8', errors='replace') as file:
                    found = _read(file)
                if found not in (None, self._owner):
                    self._taken_by = found
                    return
                os.utime(self._path)


def _read(file: IO) -> Owner | None:
    """Return the owner of a lock file, None if the file does not name one."""
    file.seek(0)
    try:
        found = json.load(file)
        return Owner(str(found['host']), str(found['boot']), int(found['pid']), str(found['since']))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def _is_at(file: IO, path: str) -> bool:
    """Return whether an open file is still the one at a path."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except OSError:
        return False


def _touched(path: str) -> float | None:
    """Return when a file was touched, None if there is none."""
    try:
        return os.stat(path).st_mtime
    except OSError:
        return None


def _boot() -> str:
    try:
        return pathlib.Path('/proc/sys/kernel/random/boot_id').read_text(encoding='ascii').strip()
    except (OSError, ValueError):
        return ''
