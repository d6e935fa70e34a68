"""Conversion of images to the flow's x in [-1, 1] at n bits, and back (Wolf, appendix C.1).

Images have a depth of 8 bits (uint8) up to n = 8, of 16 bits (uint16) above. With n bits, a color
value belongs to the bin `b = floor(value / 2^(depth - n))`, `0 <= b < 2^n`, and
`x = (b + u) / 2^n * 2 - 1` with u in [0, 1). For a density, u is uniform noise. For a deterministic
encoding, u is 0.5, the center of the bin, so that rounding errors of the inverse do not change the
bin. For the input of the encoder, u is 0.

All of this is exact in float32: bin centers at 16 bits need 17 of its 24 bits. Noise above 8 bits
is rounded to what is left, 7 bits at n = 16, so that no sum is rounded into the next bin.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfwolf.core import validate

Tensor = tf.Tensor | np.ndarray

# Binary digits of a float32.
FLOAT32_BITS = 24


def image_depth(num_bits: int) -> int:
    """Return the bits of the integers that hold color values of `num_bits` bits: 8 or 16."""
    return 8 if validate.num_bits(num_bits) <= 8 else 16


def image_type(num_bits: int) -> tf.DType:
    """Return the type of images of a model of `num_bits` bits: uint8 or uint16."""
    return tf.uint8 if image_depth(num_bits) == 8 else tf.uint16


def checked_images(
    images: Tensor, image_shape: Sequence[int], dtype: tf.DType = tf.uint8
) -> tf.Tensor:
    """Return images as a tensor of a dtype, `[batch, height, width, channels]`.

    Args:
        images: images to check.
        image_shape: required (height, width, channels).
        dtype: required dtype.

    Raises:
        ValueError: if the images have another shape or dtype.
    """
    images = tf.convert_to_tensor(images)
    if images.dtype != dtype or tuple(images.shape[1:]) != tuple(image_shape):
        raise ValueError(
            f'`images` must be {dtype.name} [batch, {", ".join(map(str, image_shape))}]; got '
            f'{images.dtype.name} {tuple(images.shape)}.'
        )
    return images


def to_bins(images: Tensor, num_bits: int) -> tf.Tensor:
    """Return the bin `floor(value / 2^(depth - num_bits))` of every color value, int32.

    Args:
        images: uint8, above 8 bits uint16, `[..., height, width, channels]`.
        num_bits: integer from 1 to 16.

    Raises:
        ValueError: if `num_bits` is outside 1..16.
    """
    return tf.bitwise.right_shift(tf.cast(images, tf.int32), image_depth(num_bits) - num_bits)


def to_unit_range(
    images: Tensor, num_bits: int, noise: float | Tensor, dtype: tf.DType
) -> tf.Tensor:
    """Return x = (bin + noise) / 2^num_bits * 2 - 1 in [-1, 1), of the shape of `images`.

    Args:
        images: uint8, above 8 bits uint16, `[..., height, width, channels]`.
        num_bits: integer from 1 to 16.
        noise: u, a number or a tensor of the shape of `images`, in [0, 1).
        dtype: floating type of the result.

    Raises:
        ValueError: if `num_bits` is outside 1..16.
    """
    bins = tf.cast(to_bins(images, num_bits), dtype)
    noise = tf.cast(noise, dtype)
    if num_bits > 8 and dtype == tf.float32 and noise.shape.rank:
        noise = _within_bin(noise, 2.0 ** (FLOAT32_BITS - 1 - num_bits))
    return (bins + noise) * (2.0 / 2**num_bits) - 1.0


def to_images(x: Tensor, num_bits: int) -> tf.Tensor:
    """Return uint8 or uint16 images of x.

    The bins `floor((x + 1) / 2 * 2^n)` are scaled to 0..255 or 0..65535.

    Args:
        x: floating `[..., height, width, channels]`; values outside of [-1, 1] are clipped, NaN
            becomes black.
        num_bits: integer from 1 to 16.

    Raises:
        ValueError: if `num_bits` is outside 1..16.
    """
    num_bins = 2 ** validate.num_bits(num_bits)
    scaled = (x + 1.0) * (0.5 * num_bins)
    scaled = tf.where(tf.math.is_nan(scaled), tf.zeros_like(scaled), scaled)
    # Clipped before the cast, because infinite values cannot be cast to integers.
    bins = tf.cast(tf.floor(tf.clip_by_value(scaled, 0.0, num_bins - 1.0)), tf.int32)
    white = 2 ** image_depth(num_bits) - 1
    if white > 255:
        bins = tf.cast(bins, tf.int64)
    return tf.cast((bins * white + (num_bins - 1) // 2) // (num_bins - 1), image_type(num_bits))


def _within_bin(noise: tf.Tensor, num_places: float) -> tf.Tensor:
    """Return the center of the place of each number in [0, 1], for `num_places` equal places.

    The gradient is that of the identity.
    """
    places = tf.minimum(tf.floor(noise * num_places), num_places - 1)
    return noise + tf.stop_gradient((places + 0.5) / num_places - noise)


def at_num_bits(images: Tensor, num_bits: int) -> tf.Tensor:
    """Return images quantised to `num_bits` bits, with the bins scaled to the range of their type.

    With 8 or 16 bits the images are unchanged.

    Args:
        images: uint8, above 8 bits uint16, `[..., height, width, channels]`.
        num_bits: integer from 1 to 16.

    Raises:
        ValueError: if `num_bits` is outside 1..16.
    """
    return to_images(to_unit_range(images, num_bits, 0.5, tf.float32), num_bits)
