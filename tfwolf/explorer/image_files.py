"""Image files: uploads, and the images in requests and answers of the page.

They are checked before they are decoded.
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

from tfwolf.core.image_file import read_picture
from tfwolf.explorer.refusal import Refusal

FORMATS = ('PNG', 'JPEG', 'WEBP', 'BMP', 'GIF', 'TIFF')
NOT_AN_IMAGE = 'This file is not a PNG, JPEG, WebP, BMP, GIF or TIFF image.'
UNSUPPORTED = 415
TOO_LARGE = 413
UPLOAD_BYTES = 10 * 2**20
# A decoded color image takes three bytes per pixel, and a second for 50 million pixels. Phones take
# images of 12 to 50 megapixels, as JPEG, which is decoded at a smaller size.
UPLOAD_PIXELS = 16_000_000
UPLOAD_PIXELS_JPEG = 50_000_000
DECODED_AT_ONCE = threading.BoundedSemaphore(2)


def read_upload(content: bytes, image_shape: Sequence[int]) -> tuple[np.ndarray, tuple[int, int]]:
    """Return an uploaded image in the shape of the model's images, and its original size.

    The image is cropped to the largest centered part of the right proportions and resized.
    Transparent parts become white. An animation is its first frame.

    Args:
        content: bytes of a PNG, JPEG, WebP, BMP, GIF or TIFF file.
        image_shape: (height, width, channels).

    Returns:
        uint8 `[height, width, channels]`, and (width, height) of the upright original.

    Raises:
        Refusal: if it is another file, damaged, or has too many pixels.
    """
    height, width, channels = image_shape
    image = _open(content, FORMATS, NOT_AN_IMAGE, UNSUPPORTED)
    most = UPLOAD_PIXELS_JPEG if image.format == 'JPEG' else UPLOAD_PIXELS
    if image.width * image.height > most:
        raise Refusal(
            f'A {image.format} image can have at most {most // 10**6} million pixels; this one has '
            f'{image.width} x {image.height}.',
            TOO_LARGE,
        )
    size = image.size
    with DECODED_AT_ONCE:
        try:
            picture = read_picture(
                content,
                'file',
                formats=FORMATS,
                background='white',
                at_least=(2 * max(height, width), 2 * max(height, width)),
            )
        except ValueError as error:
            raise Refusal(
                f'The image file is damaged or cannot be used: {error}', UNSUPPORTED
            ) from error
    if (picture.width > picture.height) != (size[0] > size[1]):
        size = (size[1], size[0])  # turned upright
    picture = ImageOps.fit(
        picture.convert('L' if channels == 1 else 'RGB'),
        (width, height),
        Image.Resampling.BOX if picture.width < width else Image.Resampling.LANCZOS,
    )
    return np.asarray(picture, np.uint8).reshape(image_shape), size


def image_from_text(name: str, text: Any, image_shape: Sequence[int]) -> np.ndarray:
    """Return the uint8 image `[height, width, channels]` of a PNG file in base64.

    Args:
        name: name of the field, for messages.
        text: as returned by `image_to_text`.
        image_shape: (height, width, channels).

    Raises:
        Refusal: if `text` is not such a file or the image has another size.
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
            f'`{name}` must have {width} x {height} pixels; got {image.width} x {image.height}.'
        )
    try:
        return np.asarray(image.convert('L' if channels == 1 else 'RGB'), np.uint8).reshape(
            image_shape
        )
    except (OSError, SyntaxError, ValueError) as error:
        raise Refusal(message) from error


def image_to_text(image: np.ndarray) -> str:
    """Return a uint8 image `[height, width, 1 or 3]` as a PNG file in base64."""
    file = io.BytesIO()
    Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image).save(file, 'PNG')
    return base64.b64encode(file.getvalue()).decode()


def _open(content: bytes, formats: tuple[str, ...], message: str, status: int) -> Image.Image:
    try:
        # Reads only the header.
        return Image.open(io.BytesIO(content), formats=formats)
    except Image.DecompressionBombError as error:
        raise Refusal(
            f'An image can have at most {UPLOAD_PIXELS_JPEG // 10**6} million pixels; this one has '
            'many more.',
            TOO_LARGE,
        ) from error
    except (OSError, SyntaxError, ValueError) as error:
        raise Refusal(message, status) from error
