"""PNG and JPEG files inside a graph: bytes to images and back.

Only operations of TensorFlow itself are used, so every model server has them.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfwolf.serving.jpeg_orientation import jpeg_orientation, turned


def decode_image_files(name: str, files: tf.Tensor, image_shape: Sequence[int]) -> tf.Tensor:
    """Return the uint8 images `[batch, height, width, channels]` of PNG or JPEG files.

    Files are validated inside the graph, with messages that contain `name`: other formats, damaged
    files and images of another size are errors. Grey images become color images if the model has
    color images. Transparency is dropped, and of 16 bits the upper 8 are kept. The orientation in
    the EXIF of a JPEG file is obeyed.

    Args:
        name: name of the input, for messages.
        files: bytes `[batch]`.
        image_shape: (height, width, channels).
    """
    height, width, channels = image_shape
    # TensorFlow's own error on a damaged file contains the name of the operation.
    scope = f'{name}_must_be_intact'

    def check(good, message, *values):
        return tf.debugging.Assert(
            good, [tf.strings.format(message, values) if values else message]
        )

    def decode(content):
        is_png = tf.equal(tf.strings.substr(content, 0, 4), b'\x89PNG')
        is_jpeg = tf.equal(tf.strings.substr(content, 0, 3), b'\xff\xd8\xff')
        with tf.control_dependencies(
            [check(is_png | is_jpeg, f'`{name}` must be PNG or JPEG files; got another file.')]
        ):
            content = tf.identity(content)
        # The size is in the header, so the check does not decode the pixels.
        size = tf.cond(is_png, lambda: _png_size(content), lambda: _jpeg_size(content, scope))
        turn = tf.cond(is_png, lambda: 1, lambda: jpeg_orientation(content))
        size = tf.where(turn > 4, size[::-1], size)
        with tf.control_dependencies(
            [
                check(
                    tf.reduce_all(tf.equal(size, [height, width])),
                    f'`{name}` must be images of {width} x {height} pixels (width x height); '
                    'got {} x {}.',
                    size[1],
                    size[0],
                )
            ]
        ):
            content = tf.identity(content)
        with tf.name_scope(scope):
            image = tf.io.decode_image(content, channels=channels, expand_animations=False)
        return tf.ensure_shape(turned(image, turn), image_shape)

    return tf.map_fn(decode, files, fn_output_signature=tf.TensorSpec(image_shape, tf.uint8))


def encode_png_files(images: tf.Tensor) -> tf.Tensor:
    """Return PNG files, bytes `[batch]`, of uint8 images `[batch, height, width, channels]`."""
    return tf.map_fn(tf.io.encode_png, images, fn_output_signature=tf.TensorSpec([], tf.string))


def _jpeg_size(content, scope):
    with tf.name_scope(scope):
        return tf.io.extract_jpeg_shape(content)[:2]


def _png_size(content):
    """Return [height, width], int32, from a PNG file's header; zeros if the header is cut."""
    header = tf.strings.substr(tf.strings.join([content, b'\0' * 24]), 16, 8)
    width, height = tf.unstack(
        tf.reshape(tf.io.decode_raw(header, tf.int32, little_endian=False), [2])
    )
    return tf.stack([height, width])
