"""The picture of a conditional model: conditions, samples of each of them, and the images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tfwolf.models.generation import Array
from tfwolf.models.wolf import Wolf
from tfwolf.pictures.grids import captioned, image_grid, to_rgb


def repeated(condition: Array, num_samples: int) -> np.ndarray:
    """Return the condition of each sample; sample i has that of image i modulo their number.

    Args:
        condition: uint8 `[num_images, *reduced_shape]`.
        num_samples: number of samples.

    Returns:
        uint8 `[num_samples, *reduced_shape]`.
    """
    values = np.asarray(condition)
    return values[np.arange(num_samples) % len(values)]


def conditions_of(model: Wolf, images: Array, num_samples: int) -> np.ndarray | None:
    """Return the condition of each sample, from images in turn; None for a model without one.

    Args:
        model: a `Wolf`.
        images: uint8 `[num_images, height, width, channels]`.
        num_samples: number of samples.
    """
    condition = model.condition_of(images)
    return None if condition is None else repeated(condition, num_samples)


def enlarged(condition: Array, image_shape: Sequence[int]) -> np.ndarray:
    """Return conditions as pictures of the size of the images, by repeated pixels.

    Args:
        condition: uint8 `[num_images, *reduced_shape]`.
        image_shape: (height, width, channels) of the images.

    Returns:
        uint8 `[num_images, height, width, 3]`.
    """
    values = to_rgb(condition)
    rows, columns = (
        np.arange(size) * reduced // size
        for size, reduced in zip(image_shape[:2], values.shape[1:3])
    )
    return values[:, rows][:, :, columns]


class ConditionalRows(NamedTuple):
    """Rows of images with a column for each condition.

    Attributes:
        images: uint8 `[num_rows * num_columns, height, width, 3]`, row by row.
        columns: number of columns.
        names: of the rows.
    """

    images: np.ndarray
    columns: int
    names: list[str]


def conditional_rows(
    condition: Array,
    samples: Array,
    captions: Sequence[str] | None = None,
    images: Array | None = None,
) -> ConditionalRows:
    """Return a row of conditions, rows of samples and a row of images.

    Args:
        condition: uint8 `[num_columns, *reduced_shape]`.
        samples: uint8 `[num_samples, height, width, channels]`, row by row; the last row may be
            incomplete.
        captions: of each row of samples; None for 'sample 1', 'sample 2' and so on.
        images: uint8 `[num_columns, height, width, channels]`, of which the conditions are; or
            None.
    """
    shown, columns = to_rgb(samples), len(condition)
    num_rows = math.ceil(len(shown) / columns)
    blank = np.full((num_rows * columns - len(shown), *shown.shape[1:]), 255, np.uint8)
    names = captions or [f'sample {row + 1}' for row in range(num_rows)]
    parts, rows = [enlarged(condition, shown.shape[1:]), shown, blank], ['condition', *names]
    if images is not None:
        parts.append(to_rgb(images))
        rows.append('image')
    return ConditionalRows(np.concatenate(parts), columns, rows)


def conditional_picture(condition: Array, samples: Array, images: Array) -> np.ndarray:
    """Return `conditional_rows` as a captioned picture, uint8 `[height', width', 3]`."""
    rows = conditional_rows(condition, samples, images=images)
    return captioned(image_grid(rows.images, rows.columns), rows.names)
