"""Grids of images with captions, as one array or a PNG file."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing

from tfwolf.core import validate
from tfwolf.core.files import atomic_path
from tfwolf.pictures.description import PNG_KEY, as_text

# Small images are enlarged by an integer factor to about this many pixels per side.
SHOWN_SIDE = 64
GAP = 2
CAPTION_SIZE = 12
CAPTION_GAP = 6


def image_grid(images: np.typing.ArrayLike, columns: int, scale: int | None = None) -> np.ndarray:
    """Return a grid of images, row by row with white gaps, as one picture.

    Args:
        images: uint8 `[num_images, height, width, channels]`; see `to_rgb` for the channels.
        columns: number of images per row.
        scale: factor by which each pixel is repeated; None enlarges small images to about
            `SHOWN_SIDE` pixels.

    Returns:
        uint8 `[rows * height', columns * width', 3]`, where height' and width' are those of an
        enlarged image and its gap.

    Raises:
        ValueError: if there are no images, or `columns` or `scale` is not a positive integer.
    """
    images = np.asarray(images)
    validate.integer('columns', columns, minimum=1)
    if scale is not None:
        validate.integer('scale', scale, minimum=1)
    if images.ndim != 4 or not len(images):
        raise ValueError(
            '`images` must be [num_images, height, width, channels] with at least one image; '
            f'got shape {images.shape}.'
        )
    images = to_rgb(images)
    zoom = scale or max(1, SHOWN_SIDE // max(images.shape[1:3]))
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
    """Return images `[..., channels]` with 3 channels, `[..., 3]`.

    Of three or more channels the first three are kept; otherwise the first one is repeated.
    """
    images = np.asarray(images)
    return images[..., :3] if images.shape[-1] >= 3 else np.repeat(images[..., :1], 3, axis=-1)


def captioned(
    picture: np.ndarray, rows: Sequence[str] = (), columns: Sequence[str] = ()
) -> np.ndarray:
    """Return a grid with captions to the left of its rows and above its columns.

    Args:
        picture: uint8 `[height, width, 3]`, an `image_grid`.
        rows, columns: captions, one per row or column, or empty.
    """
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(CAPTION_SIZE)
    left = max(math.ceil(font.getlength(text)) for text in rows) + 2 * CAPTION_GAP if rows else 0
    top = CAPTION_SIZE + CAPTION_GAP if columns else 0
    row_height = (picture.shape[0] - GAP) / max(len(rows), 1)
    column_width = (picture.shape[1] - GAP) / max(len(columns), 1)
    # A caption may be wider than its column.
    right = max([0, *(math.ceil(font.getlength(text) - column_width) for text in columns)])
    canvas = Image.new('RGB', (left + picture.shape[1] + right, top + picture.shape[0]), 'white')
    canvas.paste(Image.fromarray(picture), (left, top))
    draw = ImageDraw.Draw(canvas)
    for number, text in enumerate(rows):
        draw.text(
            (left - CAPTION_GAP, top + GAP + (number + 0.5) * row_height),
            text,
            'black',
            font,
            anchor='rm',
        )
    for number, text in enumerate(columns):
        draw.text((left + GAP + number * column_width, top), text, 'black', font, anchor='lb')
    return np.asarray(canvas)


def marked(images: np.typing.ArrayLike, finite: np.ndarray) -> np.ndarray:
    """Return uint8 images in which images that are not finite are replaced by a cross on grey.

    Args:
        images: uint8 `[num_images, height, width, channels]`.
        finite: bool `[num_images]`, whether each image is finite.
    """
    images = np.array(images)
    height, width = images.shape[1:3]
    rows, columns = np.ogrid[:height, :width]
    cross = np.minimum(
        abs(rows * width - columns * height), abs(rows * width - (width - 1 - columns) * height)
    ) < max(height, width)
    images[~np.asarray(finite)] = np.where(cross, 255, 128)[..., np.newaxis]
    return images


def write_png(path: str, picture: np.ndarray, about: Mapping[str, Any] | None = None) -> None:
    """Write a uint8 picture as a PNG file; atomically.

    Args:
        path: of the file; its folder is created.
        picture: uint8 `[height, width, 3]`.
        about: what it was made from, dict of JSON values, for `read_description`.
    """
    from PIL import Image, PngImagePlugin

    texts = PngImagePlugin.PngInfo()
    if about is not None:
        texts.add_text(PNG_KEY, as_text(about))
    os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
    with atomic_path(path) as temporary:
        Image.fromarray(picture).save(temporary, format='PNG', pnginfo=texts)
