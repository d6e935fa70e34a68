"""The picture of samples: a grid, rows of temperatures, or columns of conditions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tfwolf.analysis.conditional_samples import conditional_picture, repeated
from tfwolf.cli.conditions import Conditions
from tfwolf.pictures.grids import captioned, image_grid

MOST_SHOWN = 400


def sample_picture(
    samples: np.ndarray,
    temperatures: Sequence[float] | None = None,
    conditions: Conditions | None = None,
) -> np.ndarray:
    """Return a picture of at most `MOST_SHOWN` samples, uint8 `[height', width', 3]`.

    With conditions, there is a column for each, with the condition above the samples and the image
    below; sample i of a row has the condition i modulo their number.

    Args:
        samples: uint8 `[num_samples, height, width, channels]`; with temperatures row by row.
        temperatures: of each row of equally many samples; None for no such rows.
        conditions: the `Conditions`, or None.
    """
    if temperatures is None:
        if conditions is None:
            shown = samples[:MOST_SHOWN]
            return image_grid(shown, columns=math.ceil(math.sqrt(len(shown))))
        columns = len(conditions.values)
        shown = samples[: max(1, MOST_SHOWN // columns) * columns]
        return conditional_picture(conditions.values, shown, None, conditions.images)
    rows = samples.reshape(len(temperatures), -1, *samples.shape[1:])
    rows = rows[:, : MOST_SHOWN // len(temperatures)]
    columns = rows.shape[1]
    shown = rows.reshape(-1, *samples.shape[1:])
    captions = [f'{value:g}' for value in temperatures]
    if conditions is None:
        return captioned(image_grid(shown, columns), captions)
    values, images = repeated(conditions.values, columns), conditions.images
    below = None if images is None else repeated(images, columns)
    return conditional_picture(values, shown, [f'T = {text}' for text in captions], below)
