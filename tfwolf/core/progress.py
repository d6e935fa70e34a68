"""Progress bars: on a terminal a live one, in a log file a line now and then."""

from __future__ import annotations

import sys

import tqdm


def progress_bar(
    total: int,
    initial: int,
    description: str,
    unit: str,
    shown: bool = True,
    delay: float = 0,
    leave: bool = True,
) -> tqdm.tqdm:
    """Returns a tqdm bar on stderr with what is done, time left and speed, to be used in a `with`
    statement.

    Args:
        total: how many units there are.
        initial: how many of them are done already.
        description: what is done, shown before the bar.
        unit: name of one unit, for example 'image'.
        shown: whether the bar is drawn at all.
        delay: seconds in which it is not drawn yet.
        leave: whether it stays on the terminal when it is finished.
    """
    seconds_between = 0.2 if sys.stderr.isatty() else 10
    return tqdm.tqdm(
        total=total,
        initial=initial,
        desc=description,
        unit=unit,
        mininterval=seconds_between,
        dynamic_ncols=True,
        disable=not shown,
        delay=delay,
        leave=leave,
    )
