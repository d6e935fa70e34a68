"""Reading of image files, with errors that name the file."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from tfwolf.core.files import Path
from tfwolf.data.fit import CENTER, Fit, Size

# Pillow's modes of 8 bits (or 1) per channel.
GREY_MODES = ('1', 'L', 'LA')
COLOR_MODES = ('P', 'PA', 'RGB', 'RGBA', 'CMYK', 'YCbCr', 'LAB', 'HSV')

Result = TypeVar('Result')


class Header(NamedTuple):
    """Properties of an image file.

    Attributes:
        size: (height, width) in pixels.
        is_grey: whether the image is grey.
    """

    size: Size
    is_grey: bool


def read_header(path: Path) -> Header:
    """Return the `Header` of an image file after verifying the file without decoding it.

    Raises:
        ValueError: if the file does not exist, is not an image, is damaged, or does not have 8 bits
            per channel; the message names the path.
    """
    return _open(path, lambda picture: picture.verify())[0]


def read_image(
    path: Path, fit: Fit, channels: int, position: Sequence[float] | np.ndarray = CENTER
) -> np.ndarray:
    """Return an image file as uint8 `[*fit.image_size, channels]`; transparency is dropped.

    Args:
        path: path of a file that Pillow can read; of an animation the first frame is used.
        fit: `Fit` with an `image_size`.
        channels: 1 (grey) or 3 (color).
        position: position of a random crop, see `Fit.__call__`.

    Raises:
        ValueError: if the file does not exist, cannot be decoded, does not have 8 bits per channel,
            or does not fit; the message names the path.
    """
    header, picture = _open(path, lambda picture: picture.convert('L' if channels == 1 else 'RGB'))
    fit.check(f'The image {path}', header.size)
    return fit(picture, position)


def _open(path: Path, use: Callable[..., Result]) -> tuple[Header, Result]:
    """Return the header of an image file and the result of `use` on the opened Pillow image."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            mode = picture.mode
            header = Header((picture.height, picture.width), mode in GREY_MODES)
            used = use(picture)
    except (FileNotFoundError, IsADirectoryError):
        raise ValueError(
            f'There is no file {os.fspath(path)!r} (working directory: {os.getcwd()}).'
        ) from None
    # Pillow's decoders raise all of these errors for damaged files.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise ValueError(
            f'The image {path} cannot be decoded: {error}. Replace or remove it.'
        ) from error
    if mode not in GREY_MODES + COLOR_MODES:
        raise ValueError(
            f'The image {path} has Pillow mode {mode!r}; expected 8 bits per channel. Convert it.'
        )
    return header, used
