"""PNG and JPEG files inside a graph: bytes to images and back, with operations that every server
has.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


def pictures_from_bytes(name: str, files: tf.Tensor, image_shape: Sequence[int]) -> tf.Tensor:
    """Returns uint8 images `[batch, height, width, channels]` of PNG or JPEG files, bytes
    `[batch]`.

    The graph refuses, with a message that names `name`, what is no such file or has another size. A
    grey picture is read as colour where the model wants colour, and transparency is dropped.

    Args:
        name: of the input, for messages.
        files: bytes `[batch]`.
        image_shape: (height, width, channels).
    """
    height, width, channels = image_shape
    # What TensorFlow's own error on a damaged file says of the operation.
    place = f'{name}_must_be_intact'

    def refuse(good, message, *values):
        return tf.debugging.Assert(
            good, [tf.strings.format(message, values) if values else message]
        )

    def decode(content):
        is_png = tf.equal(tf.strings.substr(content, 0, 4), b'\x89PNG')
        is_jpeg = tf.equal(tf.strings.substr(content, 0, 3), b'\xff\xd8\xff')
        with tf.control_dependencies(
            [refuse(is_png | is_jpeg, f'`{name}` must hold PNG or JPEG files; one is neither.')]
        ):
            content = tf.identity(content)
        # A JPEG's size is read without its pixels being decoded; a PNG's stands in its header.
        size = tf.cond(is_png, lambda: _png_size(content), lambda: _jpeg_size(content, place))
        with tf.control_dependencies(
            [
                refuse(
                    tf.reduce_all(tf.equal(size, [height, width])),
                    f'`{name}` must hold pictures of {width} x {height} pixels (width x height); '
                    f'one has {{}} x {{}}.',
                    size[1],
                    size[0],
                )
            ]
        ):
            content = tf.identity(content)
        with tf.name_scope(place):
            return tf.ensure_shape(
                tf.io.decode_image(content, channels=channels, expand_animations=False), image_shape
            )

    return tf.map_fn(decode, files, fn_output_signature=tf.TensorSpec(image_shape, tf.uint8))


def pictures_to_bytes(images: tf.Tensor) -> tf.Tensor:
    """Returns a PNG file, bytes `[batch]`, for each uint8 image `[batch, height, width, channels]`."""
    return tf.map_fn(tf.io.encode_png, images, fn_output_signature=tf.TensorSpec([], tf.string))


def _jpeg_size(content, place):
    with tf.name_scope(place):
        return tf.io.extract_jpeg_shape(content)[:2]


def _png_size(content):
    """Returns [height, width], int32, of a PNG file's header; zeros if it ends before."""
    header = tf.strings.substr(tf.strings.join([content, b'\0' * 24]), 16, 8)
    width, height = tf.unstack(
        tf.reshape(tf.io.decode_raw(header, tf.int32, little_endian=False), [2])
    )
    return tf.stack([height, width])
