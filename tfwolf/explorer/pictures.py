"""Pictures that people upload, and those that go to and come from the page: checked before they are
decoded.
"""

from __future__ import annotations

import base64
import binascii
import io
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from tfwolf.explorer.refusal import Refusal

FORMATS = ('PNG', 'JPEG', 'WEBP')
NOT_A_PICTURE = 415
UPLOAD_BYTES = 10 * 2**20
# Decoded, a colour picture takes three bytes a pixel; those of phones have 12 to 50 million.
UPLOAD_PIXELS = 50_000_000
ORIENTATION = 0x0112
ON_ITS_SIDE = (5, 6, 7, 8)
DECODED_AT_ONCE = threading.BoundedSemaphore(2)


def read_upload(content: bytes, image_shape: Sequence[int]) -> tuple[np.ndarray, tuple[int, int]]:
    """Returns an uploaded picture as the model takes it, uint8 `[height, width, channels]`, and the
    (width, height) it came in, upright.

    The largest centred part of the right proportions is cut out and resized; transparent parts
    become white.

    Args:
        content: bytes of a PNG, JPEG or WebP file.
        image_shape: (height, width, channels).

    Raises:
        Refusal: if it is no such file, damaged, or has too many pixels.
    """
    height, width, channels = image_shape
    image = _open(
        content, FORMATS, 'This is not a PNG, JPEG or WebP picture, whatever its name says.'
    )
    size = image.size
    if size[0] * size[1] > UPLOAD_PIXELS:
        raise Refusal(
            f'A picture may have at most {UPLOAD_PIXELS // 10**6} million pixels; this one has '
            f'{size[0]} x {size[1]}.',
            413,
        )
    with DECODED_AT_ONCE:
        try:
            # A JPEG need not be decoded at its full size.
            image.draft(None, (2 * width, 2 * height))
            size = size[::-1] if image.getexif().get(ORIENTATION) in ON_ITS_SIDE else size
            image = ImageOps.exif_transpose(image)
            image = ImageOps.fit(
                _flat(image, 'L' if channels == 1 else 'RGB'),
                (width, height),
                Image.Resampling.BOX if image.width < width else Image.Resampling.LANCZOS,
            )
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            raise Refusal(
                'The picture is damaged: it ends too early or its data make no sense.',
                NOT_A_PICTURE,
            ) from error
    return np.asarray(image, np.uint8).reshape(image_shape), size


def picture_from_text(name: str, text: Any, image_shape: Sequence[int]) -> np.ndarray:
    """Returns the uint8 image `[height, width, channels]` of a PNG file in base64, as
    `picture_to_text` made it.

    Raises:
        Refusal: if it is anything else or has another size; the message names `name`.
    """
    height, width, channels = image_shape
    message = f'`{name}` must be a PNG file in base64.'
    try:
        content = base64.b64decode(text, validate=True) if isinstance(text, str) else b''
    except (binascii.Error, ValueError) as error:
        raise Refusal(message) from error
    image = _open(content, ('PNG',), message, 400)
    if image.size != (width, height):
        raise Refusal(
            f'`{name}` must have {width} x {height} pixels; it has {image.width} x {image.height}.'
        )
    try:
        return np.asarray(image.convert('L' if channels == 1 else 'RGB'), np.uint8).reshape(
            image_shape
        )
    except (OSError, SyntaxError, ValueError) as error:
        raise Refusal(message) from error


def picture_to_text(image: np.ndarray) -> str:
    """Returns a uint8 image `[height, width, channels]`, of 1 or 3 channels, as a PNG file in
    base64.
    """
    file = io.BytesIO()
    Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image).save(file, 'PNG')
    return base64.b64encode(file.getvalue()).decode()


def _open(content, formats, message, status=NOT_A_PICTURE):
    try:
        # Reads the header alone.
        return Image.open(io.BytesIO(content), formats=formats)
    except Image.DecompressionBombError as error:
        raise Refusal(
            f'A picture may have at most {UPLOAD_PIXELS // 10**6} million pixels; this one has '
            'far more.',
            413,
        ) from error
    except (OSError, SyntaxError, ValueError) as error:
        raise Refusal(message, status) from error


def _flat(image, mode):
    """Returns an image in 'L' or 'RGB', 8 bits a channel, on white."""
    if image.mode.startswith('I;16') or image.mode == 'I':
        # Pillow would cut what is over 255.
        image = Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert('RGBA')
        image = Image.alpha_composite(Image.new('RGBA', image.size, 'white'), image)
    return image.convert(mode)
