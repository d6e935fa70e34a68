"""Conversion of uint8 images to the flow's x in [-1, 1] at n bits, and back (Wolf, appendix C.1).

With n bits, a color value belongs to the bin `b = floor(value / 2^(8 - n))`, `0 <= b < 2^n`, and
`x = (b + u) / 2^n * 2 - 1` with u in [0, 1). For a density, u is uniform noise. For a deterministic
encoding, u is 0.5, the center of the bin, so that rounding errors of the inverse do not change the
bin. For the input of the encoder, u is 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfwolf.core import validate

Tensor = tf.Tensor | np.ndarray


def checked_images(images: Tensor, image_shape: Sequence[int]) -> tf.Tensor:
    """Return images as a tensor, uint8 `[batch, height, width, channels]`.

    Args:
        images: images to check.
        image_shape: required (height, width, channels).

    Raises:
        ValueError: if the images have another shape or dtype.
    """
    images = tf.convert_to_tensor(images)
    if images.dtype != tf.uint8 or tuple(images.shape[1:]) != tuple(image_shape):
        raise ValueError(
            f'`images` must be uint8 [batch, {", ".join(map(str, image_shape))}]; got '
            f'{images.dtype.name} {tuple(images.shape)}.'
        )
    return images


def to_bins(images: Tensor, num_bits: int) -> tf.Tensor:
    """Return the bin `floor(value / 2^(8 - num_bits))` of every color value, int32.

    Args:
        images: uint8 `[..., height, width, channels]`.
        num_bits: integer from 1 to 8.

    Raises:
        ValueError: if `num_bits` is outside 1..8.
    """
    return tf.bitwise.right_shift(tf.cast(images, tf.int32), 8 - validate.num_bits(num_bits))


def to_unit_range(
    images: Tensor, num_bits: int, noise: float | Tensor, dtype: tf.DType
) -> tf.Tensor:
    """Return x = (bin + noise) / 2^num_bits * 2 - 1 in [-1, 1), of the shape of `images`.

    Args:
        images: uint8 `[..., height, width, channels]`.
        num_bits: integer from 1 to 8.
        noise: u, a number or a tensor of the shape of `images`, in [0, 1).
        dtype: floating type of the result.

    Raises:
        ValueError: if `num_bits` is outside 1..8.
    """
    bins = tf.cast(to_bins(images, num_bits), dtype)
    return (bins + tf.cast(noise, dtype)) * (2.0 / 2**num_bits) - 1.0


def to_images(x: Tensor, num_bits: int) -> tf.Tensor:
    """Return uint8 images of x; the bins `floor((x + 1) / 2 * 2^n)` are scaled to 0..255.

    Args:
        x: floating `[..., height, width, channels]`; values outside of [-1, 1] are clipped, NaN
            becomes black.
        num_bits: integer from 1 to 8.

    Raises:
        ValueError: if `num_bits` is outside 1..8.
    """
    num_bins = 2 ** validate.num_bits(num_bits)
    scaled = (x + 1.0) * (0.5 * num_bins)
    scaled = tf.where(tf.math.is_nan(scaled), tf.zeros_like(scaled), scaled)
    # Clipped before the cast, because infinite values cannot be cast to integers.
    bins = tf.cast(tf.floor(tf.clip_by_value(scaled, 0.0, num_bins - 1.0)), tf.int32)
    return tf.cast((bins * 255 + (num_bins - 1) // 2) // (num_bins - 1), tf.uint8)


def at_num_bits(images: Tensor, num_bits: int) -> tf.Tensor:
    """Return uint8 images quantised to `num_bits` bits, with the bins scaled to 0..255.

    With 8 bits the images are unchanged.

    Args:
        images: uint8 `[..., height, width, channels]`.
        num_bits: integer from 1 to 8.

    Raises:
        ValueError: if `num_bits` is outside 1..8.
    """
    return to_images(to_unit_range(images, num_bits, 0.5, tf.float32), num_bits)
