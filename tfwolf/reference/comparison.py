"""Compare one of our arrays with one of the reference."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Comparison(NamedTuple):
    """One row of the table of comparisons.

    Attributes:
        name: name of the array.
        absolute: largest difference, or None if nothing was compared.
        relative: `absolute` divided by max(1, largest value), or None.
        tolerance: upper bound of `relative`.
        status: 'ok', 'FAIL' or 'skipped'.
        remark: why it was skipped or failed, or ''.
    """

    name: str
    absolute: float | None
    relative: float | None
    tolerance: float | None
    status: str
    remark: str = ''


def compare(name: str, ours: npt.ArrayLike, theirs: npt.ArrayLike, tolerance: float) -> Comparison:
    """Return the `Comparison` of two arrays.

    They agree if max|a - b| / max(1, max|b|) is at most the tolerance.

    Args:
        name: name of the array.
        ours: array of tfwolf.
        theirs: array of the reference.
        tolerance: upper bound of the relative difference.
    """
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    if ours.shape != theirs.shape:
        return failed(name, f'tfwolf has shape {ours.shape}, the fixture {theirs.shape}', tolerance)
    absolute = float(np.abs(ours - theirs).max(initial=0.0))
    relative = absolute / max(1.0, float(np.abs(theirs).max(initial=0.0)))
    # The condition is written so that NaN fails.
    return Comparison(
        name, absolute, relative, tolerance, 'ok' if relative <= tolerance else 'FAIL'
    )


def failed(name: str, remark: str, tolerance: float | None = None) -> Comparison:
    """Return the `Comparison` of an array that cannot be compared, which is a failure."""
    return Comparison(name, None, None, tolerance, 'FAIL', remark)


def skipped(name: str, remark: str) -> Comparison:
    """Return the `Comparison` of an array that is not compared."""
    return Comparison(name, None, None, None, 'skipped', remark)
