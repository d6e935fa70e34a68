"""Random augmentations of training images: functions of a batch and a seed.

They process a whole batch at once, which is much faster than one call per image.
"""

from __future__ import annotations

import math

import tensorflow as tf

from tfwolf.core import seeds, validate
from tfwolf.core.parts import register


@register
def horizontal_flip(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Return the images, each mirrored horizontally with probability 1/2.

    Args:
        images: uint8 `[batch, height, width, channels]`.
        seed: int32 `[2]`.
    """
    shape = tf.shape(images)
    flip = seeds.uniform(shape[:1], seed, tf.float32) < 0.5
    # As rows of pixels, for which `tf.reverse` is fastest; gathering copies whole images.
    mirrored = tf.reverse(tf.reshape(images, [-1, shape[2], shape[3]]), [1])
    both = tf.stack([images, tf.reshape(mirrored, shape)], axis=1)
    return tf.gather(both, tf.cast(flip, tf.int32), axis=1, batch_dims=1)


@register
def pad_and_crop(images: tf.Tensor, seed: tf.Tensor, padding: int = 4) -> tf.Tensor:
    """Return a random crop, of the original size, of each image after reflection padding.

    Args:
        images: uint8 `[batch, height, width, channels]`, height and width static.
        seed: int32 `[2]`.
        padding: number of pixels on every side, at least 1 and less than height and width.

    Raises:
        ValueError: if `padding` is out of range.
    """
    height, width = validate.static_shape('images', images.shape[1:3])
    if validate.integer('padding', padding, 1) >= min(height, width):
        raise ValueError(
            '`padding` must be less than height and width, because the padding is a reflection; '
            f'got padding={padding!r} for images of {height}x{width}.'
        )
    return _shifted(images, seed, (height, width), (padding, padding))


@register
def random_shift(images: tf.Tensor, seed: tf.Tensor, fraction: float = 0.04) -> tf.Tensor:
    """Return the images, each shifted by up to `fraction` of its height and of its width.

    Both shifts of an image are whole pixels, uniform between their limits, which are rounded down:
    one pixel to each side for images of 32 x 32 pixels. What a shift leaves empty is filled by
    reflection at the edge.

    Args:
        images: uint8 `[batch, height, width, channels]`, height and width static.
        seed: int32 `[2]`.
        fraction: largest shift as a share of the size, above 0 and at most 0.5; at least one pixel
            of the longer side.

    Raises:
        ValueError: if `fraction` is out of range.
    """
    height, width = validate.static_shape('images', images.shape[1:3])
    validate.real('fraction', fraction, above=0, maximum=0.5)
    # Rounded first, so that 0.29 of 100 pixels are 29.
    limits = math.floor(round(fraction * height, 6)), math.floor(round(fraction * width, 6))
    if not any(limits):
        raise ValueError(
            '`fraction` must be at least one pixel of height or width, '
            f'{1 / max(height, width):.3g} for images of {height}x{width}; got '
            f'fraction={fraction!r}.'
        )
    return _shifted(images, seed, (height, width), limits)


def _shifted(
    images: tf.Tensor, seed: tf.Tensor, sizes: tuple[int, int], limits: tuple[int, int]
) -> tf.Tensor:
    """Return the images, each shifted by random numbers of rows and columns, with reflected edges.

    Args:
        images: uint8 `[batch, height, width, channels]`.
        seed: int32 `[2]`.
        sizes: (height, width).
        limits: largest shifts (in rows, in columns), less than the sizes.
    """
    choices = tf.constant([[2 * limit + 1] for limit in limits], tf.float32)
    draws = seeds.uniform([2, tf.shape(images)[0]], seed, tf.float32)
    offsets = tf.cast(draws * choices, tf.int32)
    # Gathering reflected rows, then columns, avoids computing the padded image.
    images = tf.gather(images, _reflected(offsets[0], sizes[0], limits[0]), axis=1, batch_dims=1)
    return tf.gather(images, _reflected(offsets[1], sizes[1], limits[1]), axis=2, batch_dims=1)


def _reflected(offset: tf.Tensor, size: int, padding: int) -> tf.Tensor:
    """Return the row (or column) of the image at each position of a window, int32 `[batch, size]`.

    Args:
        offset: int32 `[batch]`, start of the window within the padded image.
        size: number of rows (or columns) of the image.
        padding: number of pixels that are reflected.
    """
    position = tf.abs(offset[:, None] + tf.range(size) - padding)
    return size - 1 - tf.abs(size - 1 - position)
