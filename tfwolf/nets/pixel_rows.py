"""3x3 convolutions from and to rows of pixels as matrix products.

Rows are a matrix `[batch height width, channels]`. A thin convolution, with few channels on one
side, is a product of windows of pixels with the kernel as a matrix, or of rows with the kernel for
all nine positions, whose results are shifted and summed. Matrix units are fast at these products
and slow at thin convolutions.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import tensorflow as tf
from tensorflow.compiler.tf2xla.python import xla

from tfwolf.core import validate
from tfwolf.core.compilation import compiles_for_gpu
from tfwolf.core.custom_gradient import Gradient, custom_gradient


def is_thin(kernel: tf.Tensor | tf.Variable) -> bool:
    """Return whether a 3x3 kernel, `[..., 3, 3, in, out]`, is best applied as a matrix product."""
    inputs, outputs = validate.static_shape('kernel', kernel.shape[-2:])
    return 9 * min(inputs, outputs) <= 2 * max(inputs, outputs)


def input_matrix(kernel: tf.Tensor) -> tf.Tensor:
    """Return a kernel as the matrix `[windows, out]` that multiplies the result of `unfold`.

    Args:
        kernel: `[3, 3, in, out]`, or `[..., 3, 3, in, out]` for several kernels.
    """
    *stack, _, _, inputs, outputs = validate.static_shape('kernel', kernel.shape)
    missing = _padded(9 * inputs) - 9 * inputs
    rows = tf.reshape(kernel, [*stack, 9 * inputs, outputs])
    return tf.pad(rows, [*[[0, 0]] * len(stack), [0, missing], [0, 0]])


def output_matrix(kernel: tf.Tensor) -> tf.Tensor:
    """Return a kernel as the matrix `[in, windows]` whose products `fold` sums.

    Args:
        kernel: `[3, 3, in, out]`, or `[..., 3, 3, in, out]` for several kernels.
    """
    *stack, _, _, inputs, outputs = validate.static_shape('kernel', kernel.shape)
    axis = len(stack)
    # Reversed, because a convolution reads at the offsets at which `fold` writes.
    by_position = tf.reverse(tf.reshape(kernel, [*stack, 9, inputs, outputs]), [axis])
    order = [*range(axis), axis + 1, axis, axis + 2]
    columns = tf.reshape(tf.transpose(by_position, order), [*stack, inputs, 9 * outputs])
    missing = _padded(9 * outputs) - 9 * outputs
    return tf.pad(columns, [*[[0, 0]] * len(stack), [0, 0], [0, missing]])


def unfold(x: tf.Tensor) -> tf.Tensor:
    """Return the 3x3 window of each pixel as a row, `[batch height width, windows]`.

    Column (k, c) holds x[i + k // 3 - 1, j + k % 3 - 1, c] for position k of the window in raster
    order, with zeros outside the image. These 9 channels columns are followed by zeros up to a
    multiple of 8, because matrix units read 16 bytes at a time.

    Args:
        x: `[batch, height, width, channels]`, of static height, width and channels.
    """
    height, width, channels = validate.static_shape('x', x.shape[1:])

    @custom_gradient
    def function(x: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
        with tf.name_scope('windows'):
            return _unfold(x), lambda upstream: fold(upstream, height, width, channels)

    return function(x)


def fold(rows: tf.Tensor, height: int, width: int, channels: int) -> tf.Tensor:
    """Return the sum of overlapping windows, `[batch, height, width, channels]`.

    It is the transpose of `unfold`: x[i, j, c] is the sum of row[i - k // 3 + 1, j - k % 3 + 1]
    over the columns (k, c), with zeros outside the image. Numbers of type bfloat16 are summed in
    float32.

    Args:
        rows: windows as of `unfold`, `[batch height width, windows]`.
        height, width, channels: shape of the images.
    """

    @custom_gradient
    def function(rows: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
        with tf.name_scope('windows'):
            return _fold(rows, height, width, channels), unfold

    return function(rows)


def _unfold(x: tf.Tensor) -> tf.Tensor:
    height, width, channels = validate.static_shape('x', x.shape[1:])
    flat = tf.reshape(x, [-1, height * width * channels])
    if compiles_for_gpu():
        # Otherwise XLA computes what comes before once more for each of the nine positions.
        flat = cast(list[tf.Tensor], xla.optimization_barrier(flat))[0]
    places = _places(height, width, channels)
    # XLA reads by a table of places three times faster than it concatenates nine shifted images.
    read = tf.gather(flat, tf.constant(np.maximum(places, 0)), axis=1)
    windows = tf.where(tf.constant(places >= 0), read, tf.zeros([], x.dtype))
    return tf.reshape(windows, [-1, windows.shape[-1]])


def _places(height: int, width: int, channels: int) -> np.ndarray:
    """Return the places of windows in an image, `[height width, windows]`; -1 outside of it."""
    i, j, k, c = np.ix_(*map(range, (height, width, 9, channels)))
    row, column = i + k // 3 - 1, j + k % 3 - 1
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    places = np.where(inside, (row * width + column) * channels + c, -1)
    places = places.reshape(height * width, 9 * channels)
    missing = _padded(9 * channels) - 9 * channels
    return np.pad(places, [(0, 0), (0, missing)], constant_values=-1).astype(np.int32)


def _fold(rows: tf.Tensor, height: int, width: int, channels: int) -> tf.Tensor:
    images = tf.reshape(rows, [-1, height, width, rows.shape[-1]])
    if rows.dtype == tf.bfloat16:
        images = tf.cast(images, tf.float32)
    padded = tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]])
    size = tf.constant([-1, height, width, channels])
    windows = [
        tf.slice(padded, tf.constant([0, 2 - k // 3, 2 - k % 3, k * channels]), size)
        for k in range(9)
    ]
    return tf.cast(tf.add_n(windows), rows.dtype)


def _padded(channels: int) -> int:
    """Return the next multiple of 8."""
    return -(-channels // 8) * 8
