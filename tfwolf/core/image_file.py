"""The one reader of image files: 8 bits per channel, upright, grey or in color.

The folder source, the flag --images and the explorer read through it, so a file has the same pixels
everywhere. Errors name the file.
"""

from __future__ import annotations

import io
import os
import pathlib
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from tfwolf.core.files import Path
from tfwolf.core.value_range import ValueRange, to_uint8

if TYPE_CHECKING:
    from PIL import Image

EXTENSIONS = ('.png', '.jpg', '.jpeg', '.bmp', '.gif', '.webp', '.tif', '.tiff', '.npy')
ARRAY_EXTENSION = '.npy'
GREY_MODES = ('1', 'L', 'LA', 'La', 'I', 'F')
PALETTE_MODES = ('P', 'PA')
# Pillow's own limit, at which it refuses a file as a decompression bomb.
MAX_PIXELS = 178_956_970
# Formats whose 16-bit greys Pillow reads as its mode 'I'; in others it is 32 bits.
GREY_16_FORMATS = ('PNG', 'PPM')
ORIENTATION = 0x0112


def read_picture(
    file: Path | bytes,
    name: str = '',
    *,
    max_pixels: int = MAX_PIXELS,
    formats: tuple[str, ...] | None = None,
    background: str | None = None,
    at_least: tuple[int, int] | None = None,
    value_range: ValueRange | None = None,
) -> Image.Image:
    """Return an image file as an upright Pillow image of the mode 'L' (grey) or 'RGB'.

    The orientation in EXIF is obeyed. Of 16 bits per channel the upper 8 are kept. A palette of
    greys only is grey. Of an animation the first frame is used. CMYK and other color spaces are
    converted to RGB.

    Args:
        file: path, or the content of a file.
        name: of the file in messages; '' for its path.
        max_pixels: most pixels that are decoded; the number is read from the header.
        formats: Pillow's names of the formats that are accepted; None for all.
        background: color behind transparent parts; None drops the transparency.
        at_least: (height, width); a JPEG may be decoded at a smaller size that is not below it,
            which is faster.
        value_range: of the values in an `.npy` file that are not uint8, see `to_uint8`.

    Raises:
        ValueError: if the file does not exist, is not an image, is damaged or incomplete, has too
            many pixels, or has values of an unknown range; the message names the file.
    """
    from PIL import Image

    title = name or ('of bytes' if isinstance(file, bytes) else os.fspath(file))
    try:
        # As a whole: Pillow turns a TIFF that it maps into memory twice.
        content = io.BytesIO(file if isinstance(file, bytes) else pathlib.Path(file).read_bytes())
        if title.lower().endswith(ARRAY_EXTENSION):
            return _from_array(content, value_range)
        with Image.open(content, formats=formats) as opened:
            _check_pixels(opened, max_pixels)
            if opened.format == 'PNG':
                # Checks the checksums, which decoding does not; the image must be opened again.
                opened.verify()
                opened = Image.open(content, formats=formats)
            if at_least is not None:
                opened.draft(None, (at_least[1], at_least[0]))
            opened.load()
            return _upright(_eight_bits(opened, background), _turn(opened))
    except (FileNotFoundError, IsADirectoryError):
        raise ValueError(
            f'There is no file {title!r} (working directory: {os.getcwd()}).'
        ) from None
    except PermissionError as error:
        raise ValueError(
            f'The image {title} cannot be read: {error.strerror}. Change its permissions, or '
            'remove it.'
        ) from error
    except MemoryError:
        raise ValueError(f'The image {title} does not fit into memory. Make it smaller.') from None
    # For damaged files, Pillow's decoders raise errors of almost any type.
    except Exception as error:
        raise ValueError(
            f'The image {title} cannot be decoded: {_reason(error)}. Replace or remove it.'
        ) from error


def is_grey(picture: Image.Image) -> bool:
    """Return whether a Pillow image is grey, also one with a palette of greys only."""
    if picture.mode in PALETTE_MODES:
        palette = np.reshape(picture.getpalette('RGB') or [], (-1, 3))
        return bool((palette == palette[:, :1]).all())
    return picture.mode in GREY_MODES or picture.mode.startswith('I;16')


def _from_array(file: BinaryIO, value_range: ValueRange | None) -> Image.Image:
    from PIL import Image

    array = np.load(file, allow_pickle=False)
    if not isinstance(array, np.ndarray):
        raise ValueError('it is an archive of arrays; use the source npz:PATH')
    shape = array.shape
    if array.ndim == 3 and shape[2] == 1:
        array = array[..., 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and shape[2] != 3) or 0 in shape:
        many = '. An array of many images is read by the source npz:PATH' if len(shape) > 2 else ''
        raise ValueError(
            'its array must be one image [height, width], [height, width, 1] or '
            f'[height, width, 3]; got {shape}{many}'
        )
    return Image.fromarray(to_uint8('its array', array, value_range))


def _check_pixels(picture: Image.Image, max_pixels: int) -> None:
    if picture.width * picture.height > max_pixels:
        raise ValueError(
            f'it has {picture.width} x {picture.height} pixels, and at most {max_pixels:,} are '
            'decoded'
        )


def _eight_bits(picture: Image.Image, background: str | None) -> Image.Image:
    """Return the picture in the mode 'L' or 'RGB'."""
    from PIL import Image

    mode = 'L' if is_grey(picture) else 'RGB'
    if picture.mode == 'F' or (picture.mode == 'I' and picture.format not in GREY_16_FORMATS):
        raise ValueError(
            'it has 32-bit values, whose range is unknown; keep them with `dataset.value_type`, or '
            'convert it to 8 or 16 bits, or to .npy files with `dataset.value_range`'
        )
    if picture.mode == 'I' or picture.mode.startswith('I;16'):
        return Image.fromarray((np.asarray(picture).astype(np.uint32) >> 8).astype(np.uint8))
    if background is not None and picture.has_transparency_data:
        picture = picture.convert('RGBA')
        picture = Image.alpha_composite(Image.new('RGBA', picture.size, background), picture)
    return picture.convert(mode)


def _turn(opened: Image.Image) -> int:
    """Return the orientation in EXIF; 1, upright, for a TIFF, which Pillow turns by itself."""
    if opened.format == 'TIFF':
        return 1
    try:
        return opened.getexif().get(ORIENTATION, 1)
    except Exception:  # damaged EXIF, which says nothing about the pixels
        return 1


def _upright(picture: Image.Image, turn: int) -> Image.Image:
    """Return the picture turned as an orientation of EXIF says."""
    from PIL import Image

    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    return picture.transpose(turns[turn]) if turn in turns else picture


def _reason(error: Exception) -> str:
    text = str(error).partition('\n')[0].rstrip('.')
    if 'cannot identify image file' in text:
        return 'it is not an image of a known format'
    if 'ecompression' in type(error).__name__:
        return 'it has so many pixels that it may be a decompression bomb'
    return text or f'it is damaged ({type(error).__name__})'
