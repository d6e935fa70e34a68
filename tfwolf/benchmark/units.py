"""Times and sizes in units for people."""

from __future__ import annotations

# From this many seconds a time is shown in seconds, below in milliseconds.
SHOWN_IN_SECONDS = 10.0


def duration(seconds: float) -> str:
    """Return a time in ms, or in s from 10 s, with at least three digits."""
    if seconds >= SHOWN_IN_SECONDS:
        return f'{seconds:,.1f} s'
    milliseconds = 1000 * seconds
    decimals = 0 if milliseconds >= 100 else 1 if milliseconds >= 10 else 2
    return f'{milliseconds:,.{decimals}f} ms'


def size(num_bytes: float) -> str:
    """Return a number of bytes in MB, or in GB from 1 GB."""
    if abs(num_bytes) >= 1e9:
        return f'{num_bytes / 1e9:,.2f} GB'
    return f'{num_bytes / 1e6:,.{0 if abs(num_bytes) >= 1e8 else 1}f} MB'
