"""Progress on stderr: a bar on a terminal, otherwise plain lines."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from time import monotonic
from types import TracebackType
from typing import Any, Protocol, Self

import tqdm

# Text in the last of 80 columns would make some terminals wrap.
MAX_WIDTH = 79
MIN_BAR_WIDTH = 4
BAR_FORMAT = '{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} {elapsed}<{remaining}'
SECONDS_BETWEEN_LINES = 10.0


class Progress(Protocol):
    """Display of the progress of a task, to be used in a `with` statement."""

    def update(self, n: int = 1) -> object:
        """Add `n` to the number of finished units."""
        ...

    def set_postfix(self, values: Mapping[str, Any] | None = None, refresh: bool = True) -> None:
        """Set the values that are shown after the progress, the most important first."""
        ...

    def write(self, s: str) -> None:
        """Print a line on stdout without disturbing the display."""
        ...

    def close(self) -> None:
        """Show the final state and end the line."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


def progress_bar(
    total: int,
    initial: int,
    description: str,
    unit: str,
    shown: bool = True,
    delay: float = 0,
    leave: bool = True,
) -> Progress:
    """Return a progress bar if stderr is a terminal, otherwise a display of plain lines.

    Both show the number of finished units, the elapsed time and the estimated time left. A bar fits
    into 80 columns. Plain lines appear every 10 seconds and at the end.

    Args:
        total: number of units.
        initial: number of units that are already finished.
        description: short description of the task.
        unit: name of one unit, for example 'image'.
        shown: whether to show anything.
        delay: seconds before the first display; a task that ends earlier is not shown.
        leave: whether a finished bar stays on the terminal.
    """
    if shown and sys.stderr.isatty():
        return _TerminalBar(
            total=total,
            initial=initial,
            desc=description,
            unit=unit,
            mininterval=0.2,
            delay=delay,
            leave=leave,
        )
    return _PlainLines(total, initial, description, unit, shown, delay)


class _TerminalBar(tqdm.tqdm):
    """A tqdm bar that fits the terminal, at most 79 columns, and ends its line in any case.

    Values that do not fit are omitted, the last one first. After an error or Ctrl-C the bar stays
    on the terminal regardless of `leave`.
    """

    _values: tuple[str, ...] = ()

    def set_postfix(self, values: Mapping[str, Any] | None = None, refresh: bool = True) -> None:
        self._values = _formatted(values)
        if refresh:
            self.refresh()

    def __str__(self) -> str:
        fields, width = self.format_dict, _terminal_width()
        braces = {ord('{'): '{{', ord('}'): '}}'}
        values = [value.translate(braces) for value in self._values] or ['{rate_fmt}']
        for count in range(len(values), -1, -1):
            fields['bar_format'] = ', '.join((BAR_FORMAT, *values[:count]))
            # Without `ncols` the bar itself is 10 columns wide.
            if len(self.format_meter(**{**fields, 'ncols': None})) - 10 + MIN_BAR_WIDTH <= width:
                break
        return self.format_meter(**{**fields, 'ncols': width})

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.leave = self.leave or exc_type is not None
        super().__exit__(exc_type, exc_value, traceback)


class _PlainLines:
    """Progress as lines for a log file; arguments as in `progress_bar`."""

    def __init__(
        self, total: int, initial: int, description: str, unit: str, shown: bool, delay: float
    ) -> None:
        self._total, self._initial, self._done = total, initial, initial
        self._description, self._unit = description, unit
        self._shown, self._delay = shown, delay
        self._values: tuple[str, ...] = ()
        self._started = monotonic()
        self._next_line = self._started + max(delay, SECONDS_BETWEEN_LINES)

    def update(self, n: int = 1) -> None:
        self._done += n
        now = monotonic()
        if self._shown and now >= self._next_line and self._done < self._total:
            self._print(
                now, _time_left(self._initial, self._done, self._total, now - self._started)
            )
            self._next_line = now + SECONDS_BETWEEN_LINES

    def set_postfix(self, values: Mapping[str, Any] | None = None, refresh: bool = True) -> None:
        self._values = _formatted(values)

    def write(self, s: str) -> None:
        print(s, flush=True)

    def close(self) -> None:
        self._finish('')

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc_type is None:
            self._finish('')
        else:
            self._finish('interrupted' if issubclass(exc_type, KeyboardInterrupt) else 'failed')

    def _finish(self, outcome: str) -> None:
        now = monotonic()
        if self._shown and now - self._started >= self._delay:
            self._print(now, outcome)
        self._shown = False

    def _print(self, now: float, remark: str) -> None:
        percentage = f' ({100 * self._done // self._total}%)' if self._total else ''
        parts = (
            f'{self._done:,}/{self._total:,} {self._unit}s{percentage}',
            f'{tqdm.tqdm.format_interval(now - self._started)} elapsed',
            *([remark] if remark else []),
            *self._values,
        )
        # A closed log must not stop the task.
        with contextlib.suppress(OSError, ValueError):
            print(f'{self._description}: {", ".join(parts)}', file=sys.stderr, flush=True)


def _formatted(values: Mapping[str, Any] | None) -> tuple[str, ...]:
    return tuple(f'{name}={value}' for name, value in (values or {}).items())


def _time_left(initial: int, done: int, total: int, elapsed: float) -> str:
    if done <= initial:
        return ''
    seconds = elapsed * (total - done) / (done - initial)
    return f'{tqdm.tqdm.format_interval(seconds)} left'


def _terminal_width() -> int:
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        columns = 0
    return min(MAX_WIDTH, columns - 1) if columns > 1 else MAX_WIDTH
