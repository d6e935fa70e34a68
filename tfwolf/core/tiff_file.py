"""TIFF files with the values that they hold: of 16 bits or floats, with any number of bands.

Files of 8 bits are pictures, which `image_file` reads.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from tfwolf.core.extras import require_extra
from tfwolf.core.files import Path

if TYPE_CHECKING:
    import tifffile

EXTENSIONS = ('.tif', '.tiff')
MAX_VALUES = 2**30
ORIENTATION = 274
# Axes of tifffile that are bands: samples, channels, or pages of one shape.
BANDS = 'SCIQ'


def read_tiff(path: Path) -> np.ndarray:
    """Return the values of a TIFF file, `[height, width, bands]`, upright, of the file's type.

    Bands may be the samples of a pixel, planes, or pages of one shape.

    Args:
        path: of the file.

    Raises:
        ValueError: if the package tifffile is missing, or the file cannot be read or holds no
            single image; the message names the file.
    """
    require_extra('tiff')
    import tifffile

    try:
        with tifffile.TiffFile(os.fspath(path)) as file:
            return _values(file)
    except FileNotFoundError:
        raise ValueError(
            f'There is no file {os.fspath(path)!r} (working directory: {os.getcwd()}).'
        ) from None
    # For damaged files, decoders raise errors of almost any type.
    except Exception as error:
        reason = str(error).partition('\n')[0].rstrip('.') or type(error).__name__
        hint = ' with `pip install imagecodecs`' if 'imagecodecs' in reason else ''
        raise ValueError(
            f'The TIFF file {os.fspath(path)} cannot be read: {reason}{hint}. Replace or remove it.'
        ) from error


def _values(file: tifffile.TiffFile) -> np.ndarray:
    first: Any = file.series[0]
    axes, shape = str(first.axes), tuple(first.shape)
    bands = axes.replace('Y', '').replace('X', '')
    if len(bands) > 1 or not {'Y', 'X'} <= set(axes) or (bands and bands not in BANDS):
        raise ValueError(
            'it must hold one image [height, width] or [height, width, bands]; got the shape '
            f'{shape} with the axes {axes}'
        )
    if np.prod(shape, dtype=np.int64) > MAX_VALUES:
        raise ValueError(f'it has the shape {shape}, and at most {MAX_VALUES:,} values are read')
    values = np.asarray(first.asarray())
    if bands:
        values = np.moveaxis(values, axes.index(bands), -1)
    else:
        values = values[..., None]
    tag = file.pages[0].tags.get(ORIENTATION)  # pyright: ignore[reportAttributeAccessIssue]
    return np.ascontiguousarray(_upright(values, 1 if tag is None else int(tag.value)))


def _upright(values: np.ndarray, turn: int) -> np.ndarray:
    """Return values turned as an orientation says, 1 to 8."""
    turns = {
        2: values[:, ::-1],
        3: values[::-1, ::-1],
        4: values[::-1],
        5: values.swapaxes(0, 1),
        6: np.rot90(values, 3),
        7: values[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(values, 1),
    }
    return turns.get(turn, values)
