"""Ctrl-C and SIGTERM, handled between steps so that the saved state is consistent."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable


class Terminated(KeyboardInterrupt):
    """The process received SIGTERM, which schedulers send before they reclaim a machine."""

    exit_code = 128 + signal.SIGTERM


# Exception raised for each signal.
EXCEPTIONS: dict[int, type[KeyboardInterrupt]] = {
    signal.SIGINT: KeyboardInterrupt,
    signal.SIGTERM: Terminated,
}


class Interrupts:
    """Context in which the first SIGINT or SIGTERM is recorded, and raised later by `check`.

    A second signal raises at once.

    Args:
        agree: function from the signal number recorded here (0 for none) to the one on which all
            workers act; called at every check.
    """

    def __init__(self, agree: Callable[[int], int] = lambda number: number) -> None:
        self._agree = agree
        self._received: signal.Signals | None = None
        self._previous = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._record) for number in EXCEPTIONS}
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def check(self, *_: object) -> None:
        """Raise the signal received since the last call, if any.

        Raises:
            KeyboardInterrupt: after Ctrl-C.
            Terminated: after SIGTERM.
        """
        received = self._agree(int(self._received or 0))
        if received:
            self._received = None
            raise EXCEPTIONS[received]

    def _record(self, number, _):
        if self._received is not None:
            raise EXCEPTIONS[number]
        self._received = signal.Signals(number)
