"""Image files as arrays: one reader, which says what is wrong with a file."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np

from tfwolf.core.files import Path
from tfwolf.data.fit import CENTRE, Fit, Size

# Pillow's modes of 8 bits (or 1) per channel.
GREY_MODES = ('1', 'L', 'LA')
COLOUR_MODES = ('P', 'PA', 'RGB', 'RGBA', 'CMYK', 'YCbCr', 'LAB', 'HSV')

Result = TypeVar('Result')


class Header(NamedTuple):
    """What an image file says of itself.

    Attributes:
        size: (height, width) in pixels.
        is_grey: whether it has no colours.
    """

    size: Size
    is_grey: bool


def read_header(path: Path) -> Header:
    """Returns the `Header` of an image file, after a check of the file that does not decode its
    pixels.

    Raises:
        ValueError: naming the path, if there is no file, it is no image or damaged, or it has not 8
            bits per channel.
    """
    return _open(path, lambda picture: picture.verify())[0]


def read_image(
    path: Path, fit: Fit, channels: int, place: tuple[float, float] = CENTRE
) -> np.ndarray:
    """Returns an image file as uint8 `[height, width, channels]`, brought to `fit.image_size`;
    transparency is dropped.

    Args:
        path: of a file that Pillow reads; of an animation the first frame.
        fit: the `Fit`, with an `image_size`.
        channels: 1 (grey) or 3 (colour).
        place: two numbers in [0, 1), see `Fit.__call__`.

    Raises:
        ValueError: naming the path, if there is no file, it cannot be decoded, has not 8 bits per
            channel, or does not fit.
    """
    header, picture = _open(path, lambda picture: picture.convert('L' if channels == 1 else 'RGB'))
    fit.check(f'The image {path}', header.size)
    return fit(picture, place)


def _open(path: Path, use: Callable[..., Result]) -> tuple[Header, Result]:
    """Returns the header of an image file, and what `use` makes of the opened Pillow image."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            mode, header = (
                picture.mode,
                Header((picture.height, picture.width), picture.mode in GREY_MODES),
            )
            used = use(picture)
    except (FileNotFoundError, IsADirectoryError):
        raise ValueError(
            f'There is no file {os.fspath(path)!r} (working directory: {os.getcwd()}).'
        ) from None
    # Pillow's decoders raise all of these for damaged files.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise ValueError(
            f'The image {path} cannot be decoded: {error}. Replace or remove it.'
        ) from error
    if mode not in GREY_MODES + COLOUR_MODES:
        raise ValueError(
            f'The image {path} has Pillow mode {mode!r}; expected 8 bits per channel. Convert it.'
        )
    return header, used
