"""Random changes to training images; each is a function of a batch and a seed.

A whole batch at a time: one draw of `[batch]` numbers and one gather cost a fraction of what one
    call per image would.
"""

from __future__ import annotations

import tensorflow as tf

from tfwolf.core import seeds, validate
from tfwolf.core.parts import register


@register
def horizontal_flip(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Returns the images, each mirrored left to right with probability 1/2.

    Args:
        images: uint8 `[batch, height, width, channels]`.
        seed: int32 `[2]`.
    """
    flip = seeds.uniform(tf.shape(images)[:1], seed, tf.float32) < 0.5
    return tf.where(flip[:, None, None, None], tf.reverse(images, [2]), images)


@register
def pad_and_crop(images: tf.Tensor, seed: tf.Tensor, padding: int = 4) -> tf.Tensor:
    """Returns a random window of each image, of its own size, after reflecting `padding` pixels out
    on every side.

    Args:
        images: uint8 `[batch, height, width, channels]`, height and width static.
        seed: int32 `[2]`.
        padding: integer of at least 1, less than height and width.

    Raises:
        ValueError: if `padding` is outside of that range.
    """
    height, width = images.shape[1:3]
    if validate.integer('padding', padding, 1) >= min(height, width):
        raise ValueError(
            '`padding` must be less than height and width, because it reflects; '
            f'got padding={padding!r} for images of {height}x{width}.'
        )
    offsets = tf.cast(
        seeds.uniform([2, tf.shape(images)[0]], seed, tf.float32) * (2 * padding + 1), tf.int32
    )
    # Picking reflected rows, then columns, makes the window without making the padded image.
    images = tf.gather(images, _reflected(offsets[0], height, padding), axis=1, batch_dims=1)
    return tf.gather(images, _reflected(offsets[1], width, padding), axis=2, batch_dims=1)


def _reflected(offset: tf.Tensor, size: int, padding: int) -> tf.Tensor:
    """Returns int32 `[batch, size]`: which row (or column) the window that starts at `offset` shows
    at each place.
    """
    position = tf.abs(offset[:, None] + tf.range(size) - padding)
    return size - 1 - tf.abs(size - 1 - position)
