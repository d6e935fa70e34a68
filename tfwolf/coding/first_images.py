"""The first images of a file, coded without the model: their bytes start the stack."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence

import numpy as np

# WebP's limit of the sides of an image.
MAX_SIDE = 16383
WEBP, PACKED = 'webp', 'packed'


def encode_first(images: np.ndarray, bins: np.ndarray, num_bits: int) -> tuple[str, bytes]:
    """Return the shorter one of two codes of images, and its name.

    'webp' is one lossless WebP picture of the images below each other, for 8 bits and 1 or 3
    channels; 'packed' is all bins with `num_bits` bits each.

    Args:
        images: uint8 or uint16 `[n, height, width, channels]`.
        bins: their bins, integers of the same shape.
        num_bits: bits per color value.
    """
    planes = (bins.reshape(-1, 1) >> np.arange(num_bits)) & 1
    packed = np.packbits(planes.astype(np.uint8)).tobytes()
    webp = encode_webp(images)
    if webp is not None and len(webp) < len(packed):
        return WEBP, webp
    return PACKED, packed


def decode_first(
    kind: str,
    code: bytes,
    shape: Sequence[int],
    num_bits: int,
    images_of_bins: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Return the images of `encode_first`.

    Args:
        kind, code: its result.
        shape: (n, height, width, channels).
        num_bits: as in `encode_first`.
        images_of_bins: function from bins to images of the same shape.

    Raises:
        ValueError: if the code is damaged.
    """
    if kind == WEBP:
        return _decode_webp(code, shape)
    planes = np.unpackbits(np.frombuffer(code, np.uint8), count=math.prod(shape) * num_bits)
    bins = planes.reshape(-1, num_bits).astype(np.int64) @ (1 << np.arange(num_bits))
    return images_of_bins(bins.reshape(shape))


def encode_webp(images: np.ndarray) -> bytes | None:
    """Return images `[n, height, width, channels]` as one lossless WebP picture, or None.

    None if WebP has no such pictures: of more than 8 bits, of other than 1 or 3 channels, or too
    large.
    """
    from PIL import Image

    count, height, width, channels = images.shape
    if images.dtype != np.uint8 or channels not in (1, 3) or max(count * height, width) > MAX_SIDE:
        return None
    strip = images.reshape(count * height, width, channels)
    file = io.BytesIO()
    Image.fromarray(np.broadcast_to(strip, (*strip.shape[:2], 3)).copy()).save(
        file, 'WEBP', lossless=True, quality=100, method=6
    )
    return file.getvalue()


def _decode_webp(code: bytes, shape: Sequence[int]) -> np.ndarray:
    from PIL import Image

    with Image.open(io.BytesIO(code), formats=('WEBP',)) as picture:
        strip = np.asarray(picture.convert('RGB'))
    return strip[..., : shape[-1]].reshape(shape)
