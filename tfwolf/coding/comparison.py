"""Bits per dimension of the same images by other means: the model's bound, PNG and WebP."""

from __future__ import annotations

import io

import numpy as np
import tensorflow as tf

from tfwolf.models.wolf import Wolf

BATCH = 64
FORMATS = {
    'PNG': {'optimize': True},
    'WebP': {'lossless': True, 'quality': 100, 'method': 6},
}


def bound_bits_per_dim(model: Wolf, images: np.ndarray, seed: int = 0) -> float:
    """Return the mean bound of images, with one draw of z and of the noise each.

    Args:
        model: the `Wolf`.
        images: uint8 `[n, height, width, channels]`.
        seed: of the draws.
    """
    total = 0.0
    for first in range(0, len(images), BATCH):
        batch = images[first : first + BATCH]
        noise = model.draw_noise(len(batch), tf.constant([seed, first], tf.int32))
        total += float(tf.reduce_sum(model.bits_per_dim(batch, noise)))
    return total / len(images)


def format_bits_per_dim(images: np.ndarray, name: str) -> tuple[float, float]:
    """Return the bits per dimension of 8-bit images in a format: one file each, and one for all.

    In one file the images are below each other, in columns of at most 16,000 pixels.

    Args:
        images: uint8 `[n, height, width, channels]` with 1 or 3 channels.
        name: one of `FORMATS`.
    """
    each = sum(_size(image, name) for image in images)
    rows = max(1, 16000 // images.shape[1])
    together = sum(
        _size(np.concatenate(images[first : first + rows]), name)
        for first in range(0, len(images), rows)
    )
    return 8 * each / images.size, 8 * together / images.size


def _size(image: np.ndarray, name: str) -> int:
    from PIL import Image

    file = io.BytesIO()
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    picture.save(file, name, **FORMATS[name])
    return file.tell()
