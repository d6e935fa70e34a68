"""Ctrl-C and requests to end, handled between steps so that the saved state is consistent."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from typing import NoReturn


class Terminated(KeyboardInterrupt):
    """The process received a signal that asks it to end.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code: int = 128 + number


# Schedulers send SIGTERM before they take a machine back, and Slurm the others, too, if asked to; a
# terminal that is closed sends SIGHUP. Windows has only SIGTERM.
ENDING = tuple(
    getattr(signal, name) for name in ('SIGTERM', 'SIGHUP', 'SIGUSR1') if hasattr(signal, name)
)
AT_ONCE = b'\nEnded at once by a second SIGTERM. What was saved before is kept.\n'


class Interrupts:
    """Context in which the first SIGINT or signal of `ENDING` is recorded, and raised by `check`.

    A second SIGINT raises at once. A second SIGTERM ends the process at once, with exit code 143,
    even while TensorFlow traces or compiles. The other signals may come repeatedly: a terminal and
    its shell both send SIGHUP. SIGHUP stays ignored where `nohup` set it so.

    Args:
        agree: function from the signal number recorded here (0 for none) to the one on which all
            workers act; called at every check.
    """

    def __init__(self, agree: Callable[[int], int] = lambda number: number) -> None:
        self._agree = agree
        self._received: signal.Signals | None = None
        self._previous = {}
        self._watch: _TerminationWatch | None = None

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            numbers = [
                number
                for number in (signal.SIGINT, *ENDING)
                if number != getattr(signal, 'SIGHUP', None)
                or signal.getsignal(number) is not signal.SIG_IGN
            ]
            self._watch = _TerminationWatch()
            self._previous = {number: signal.signal(number, self._record) for number in numbers}
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        if self._watch is not None:
            self._watch.close()

    def check(self, *_: object) -> None:
        """Raise the signal received since the last call, if any.

        Raises:
            KeyboardInterrupt: after Ctrl-C.
            Terminated: after a signal of `ENDING`.
        """
        received = self._agree(int(self._received or 0))
        if received:
            self._received = None
            raise KeyboardInterrupt if received == signal.SIGINT else Terminated(received)

    def _record(self, number, _):
        if self._received is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._received = signal.Signals(number)


class _TerminationWatch:
    """Thread that ends the process at a second SIGTERM.

    Python runs a handler of signals only between two instructions of the main thread, which may be
    in a long call of TensorFlow. Its wakeup descriptor is written to at once.
    """

    def __init__(self) -> None:
        self._reads, self._writes = socket.socketpair()
        self._writes.setblocking(False)
        self._previous = signal.set_wakeup_fd(self._writes.fileno(), warn_on_full_buffer=False)
        threading.Thread(target=self._run, daemon=True).start()

    def close(self) -> None:
        """End the thread."""
        signal.set_wakeup_fd(self._previous)
        self._writes.close()

    def _run(self):
        count = 0
        with self._reads:
            while numbers := self._reads.recv(1):
                count += numbers[0] == signal.SIGTERM
                if count == 2:
                    _end_at_once()


def _end_at_once() -> NoReturn:
    # Raising an error would leave TensorFlow with a stack trace, or not at all.
    os.write(2, AT_ONCE)
    os._exit(128 + signal.SIGTERM)
