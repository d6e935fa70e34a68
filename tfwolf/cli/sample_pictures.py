"""The picture of samples: a grid, rows of temperatures, or columns of conditions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tfwolf.analysis.conditional_samples import conditional_rows, repeated
from tfwolf.cli.conditions import Conditions
from tfwolf.plots.labelled_grid import Labels

MOST_SHOWN = 400
TEMPERATURE = 'temperature T of z and v'


class Shown(NamedTuple):
    """Images in rows of `columns` images, and the `Labels` around them."""

    images: np.ndarray
    columns: int
    labels: Labels


def shown_samples(
    samples: np.ndarray,
    title: str,
    temperatures: Sequence[float] | None = None,
    conditions: Conditions | None = None,
) -> Shown:
    """Return at most `MOST_SHOWN` samples as they are `Shown`.

    With conditions, there is a column for each, with the condition above the samples and the image
    below; sample i of a row has the condition i modulo their number.

    Args:
        samples: uint8 `[num_samples, height, width, channels]`; with temperatures row by row.
        title: above the picture; with temperatures, which have rows, it is not used.
        temperatures: of each row of equally many samples; None for no such rows.
        conditions: the `Conditions`, or None.
    """
    if temperatures is None:
        if conditions is None:
            shown = samples[:MOST_SHOWN]
            return Shown(shown, math.ceil(math.sqrt(len(shown))), Labels(title))
        columns = len(conditions.values)
        shown = samples[: max(1, MOST_SHOWN // columns) * columns]
        rows = conditional_rows(conditions.values, shown, None, conditions.images)
        return Shown(rows.images, columns, Labels(title, rows.names))
    of_rows = samples.reshape(len(temperatures), -1, *samples.shape[1:])
    of_rows = of_rows[:, : MOST_SHOWN // len(temperatures)]
    columns = of_rows.shape[1]
    shown = of_rows.reshape(-1, *samples.shape[1:])
    names = [f'T = {value:g}' for value in temperatures]
    if conditions is None:
        same = 'samples; a column has the same noise' if columns > 1 else 'a sample'
        return Shown(shown, columns, Labels('', names, (), TEMPERATURE, same))
    values, images = repeated(conditions.values, columns), conditions.images
    below = None if images is None else repeated(images, columns)
    rows = conditional_rows(values, shown, names, below)
    return Shown(rows.images, columns, Labels('', rows.names))
