"""Ctrl-C and SIGTERM between steps: the step that runs is finished first, so that what is saved is
whole.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable


class Terminated(KeyboardInterrupt):
    """The process was asked to end by SIGTERM, as schedulers do before they take a machine away."""

    exit_code = 128 + signal.SIGTERM


# What a signal becomes.
EXCEPTIONS = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}


class Interrupts:
    """While active, the first SIGINT or SIGTERM is only noted, and `check` raises it; a second one
    raises at once.

    Args:
        agree: function from the number of the signal noted here (0 for none) to that on which all
            workers act; called at every check.
    """

    def __init__(self, agree: Callable[[int], int] = lambda number: number) -> None:
        self._agree = agree
        self._noted = None
        self._previous = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._note) for number in EXCEPTIONS}
        return self

    def __exit__(self, *exception):
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def check(self, *_: object) -> None:
        """Raises `KeyboardInterrupt` if Ctrl-C was pressed since the last call, `Terminated` after
        SIGTERM.
        """
        noted = self._agree(int(self._noted or 0))
        if noted:
            self._noted = None
            raise EXCEPTIONS[noted]

    def _note(self, number, _):
        if self._noted is not None:
            raise EXCEPTIONS[number]
        self._noted = signal.Signals(number)
