"""Pictures: many images side by side, as one array and as a PNG."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

import numpy as np
import numpy.typing

from tfwolf.core import validate
from tfwolf.core.files import atomic_path

# Small images are shown enlarged by whole pixels to about this many pixels a side.
SHOWN_SIDE = 64
GAP = 2
CAPTION_SIZE = 12
CAPTION_GAP = 6


def image_grid(images: np.typing.ArrayLike, columns: int) -> np.ndarray:
    """Returns one uint8 picture `[rows * height', columns * width', 3]` of images in reading order,
    white between them.

    Args:
        images: uint8 `[num_images, height, width, channels]`; with 1 or 3 channels as they are, of
            others the first three (or first).
        columns: images per row.

    Raises:
        ValueError: if there are no images, or `columns` is not a positive integer.
    """
    images = np.asarray(images)
    validate.integer('columns', columns, minimum=1)
    if images.ndim != 4 or not len(images):
        raise ValueError(
            '`images` must be [num_images, height, width, channels] with at least one; got '
            f'{images.shape}.'
        )
    images = to_rgb(images)
    zoom = max(1, SHOWN_SIDE // max(images.shape[1:3]))
    images = images.repeat(zoom, axis=1).repeat(zoom, axis=2)
    count, height, width, _ = images.shape
    rows = math.ceil(count / columns)
    grid = np.full((rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3), 255, np.uint8)
    for index, image in enumerate(images):
        top, left = (
            position * (side + GAP) + GAP
            for position, side in zip(divmod(index, columns), (height, width))
        )
        grid[top : top + height, left : left + width] = image
    return grid


def to_rgb(images: np.typing.ArrayLike) -> np.ndarray:
    """Returns images `[..., channels]` with 3 channels: grey ones three times, of more than three
    the first three.
    """
    images = np.asarray(images)
    return images[..., :3] if images.shape[-1] >= 3 else np.repeat(images[..., :1], 3, axis=-1)


def captioned(
    picture: np.ndarray, rows: Sequence[str] = (), columns: Sequence[str] = ()
) -> np.ndarray:
    """Returns the picture of a grid with a caption left of each row and above each column, dark on
    white.

    Args:
        picture: uint8 `[height, width, 3]`, an `image_grid`.
        rows, columns: a text each, or none at all.
    """
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(CAPTION_SIZE)
    left, top = (
        max((math.ceil(font.getlength(text)) for text in rows), default=-2 * CAPTION_GAP)
        + 2 * CAPTION_GAP,
        CAPTION_SIZE + CAPTION_GAP if columns else 0,
    )
    spaces = [
        (texts, (length - GAP) / max(len(texts), 1))
        for texts, length in ((rows, picture.shape[0]), (columns, picture.shape[1]))
    ]
    # A caption may be wider than its column.
    right = max([0, *(math.ceil(font.getlength(text) - spaces[1][1]) for text in columns)])
    canvas = Image.new('RGB', (left + picture.shape[1] + right, top + picture.shape[0]), 'white')
    canvas.paste(Image.fromarray(picture), (left, top))
    draw = ImageDraw.Draw(canvas)
    for number, text in enumerate(rows):
        draw.text(
            (left - CAPTION_GAP, top + GAP + (number + 0.5) * spaces[0][1]),
            text,
            'black',
            font,
            anchor='rm',
        )
    for number, text in enumerate(columns):
        draw.text((left + GAP + number * spaces[1][1], top), text, 'black', font, anchor='lb')
    return np.asarray(canvas)


def marked(images: np.typing.ArrayLike, finite: np.ndarray) -> np.ndarray:
    """Returns uint8 images in which those that are not finite are a cross on grey, so that nobody
    takes them for black pictures.

    Args:
        images: uint8 `[num_images, height, width, channels]`.
        finite: bool `[num_images]`.
    """
    images = np.array(images)
    height, width = images.shape[1:3]
    rows, columns = np.ogrid[:height, :width]
    cross = np.minimum(
        abs(rows * width - columns * height), abs(rows * width - (width - 1 - columns) * height)
    ) < max(height, width)
    images[~np.asarray(finite)] = np.where(cross, 255, 128)[..., np.newaxis]
    return images


def write_png(path: str, picture: np.ndarray) -> None:
    """Writes a uint8 picture `[height, width, 3]` as a PNG file, whole or not at all."""
    from PIL import Image

    os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
    with atomic_path(path) as temporary:
        Image.fromarray(picture).save(temporary, format='PNG')
