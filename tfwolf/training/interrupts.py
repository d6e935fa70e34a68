"""Ctrl-C between steps: the step that runs is finished first, so that what is saved is whole."""
import signal
import threading


class Interrupts:
    """While active, the first SIGINT is only noted, and `check` raises it; a second one raises at once."""

    def __init__(self):
        self._noted = False

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *exception):
        if hasattr(self, '_previous'):
            signal.signal(signal.SIGINT, self._previous)

    def check(self, *_):
        """Raises `KeyboardInterrupt` if Ctrl-C was pressed since the last call."""
        if self._noted:
            self._noted = False
            raise KeyboardInterrupt

    def _note(self, *_):
        if self._noted:
            raise KeyboardInterrupt
        self._noted = True
