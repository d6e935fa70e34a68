"""The orientation in the EXIF of a JPEG file, inside a graph."""

from __future__ import annotations

import tensorflow as tf

from tfwolf.core.image_file import ORIENTATION

# EXIF comes first in a file, and its first directory, which has the orientation, in EXIF.
HEAD_BYTES = 4096
MAX_ENTRIES, ENTRY_BYTES = 64, 12
MARK = b'Exif\0\0'


def jpeg_orientation(content: tf.Tensor) -> tf.Tensor:
    """Return the orientation, int32 from 1 (upright) to 8, of a JPEG file; 1 if it has none.

    Args:
        content: bytes of the file, a scalar string.
    """
    padded = tf.strings.join([content, b'\0' * HEAD_BYTES])
    head = tf.cast(tf.io.decode_raw(tf.strings.substr(padded, 0, HEAD_BYTES), tf.uint8), tf.int32)
    places = HEAD_BYTES - len(MARK)
    is_mark = tf.reduce_all(
        [tf.equal(head[i : i + places], byte) for i, byte in enumerate(MARK)], axis=0
    )
    start = tf.argmax(tf.cast(is_mark, tf.int32), output_type=tf.int32) + len(MARK)

    def byte(place):
        return tf.gather(head, tf.clip_by_value(start + place, 0, HEAD_BYTES - 1))

    # 'I' for Intel, 'M' for Motorola.
    is_little = tf.equal(byte(0), ord('I'))

    def short(place):
        first, second = byte(place), byte(place + 1)
        return tf.where(is_little, first + 256 * second, 256 * first + second)

    # An offset of more than two bytes is beyond the head.
    directory = tf.where(is_little, short(4), short(6))
    entries = tf.range(MAX_ENTRIES)
    offsets = directory + 2 + ENTRY_BYTES * entries
    is_it = tf.equal(short(offsets), ORIENTATION) & (entries < short(directory))
    value = short(tf.gather(offsets, tf.argmax(tf.cast(is_it, tf.int32))) + 8)
    is_known = tf.reduce_any(is_mark) & tf.reduce_any(is_it) & (value >= 1) & (value <= 8)
    return tf.where(is_known, value, 1)


def turned(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Return an image `[height, width, channels]` upright.

    Args:
        image: as it is stored.
        orientation: int32 from 1 to 8.
    """

    def among(*values):
        return tf.reduce_any(tf.equal(orientation, values))

    image = tf.cond(orientation > 4, lambda: tf.transpose(image, [1, 0, 2]), lambda: image)
    image = tf.cond(among(2, 3, 6, 7), lambda: tf.reverse(image, [1]), lambda: image)
    return tf.cond(among(3, 4, 7, 8), lambda: tf.reverse(image, [0]), lambda: image)
