"""Two hidden layers on rows and the product after them, with a gradient written by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from tfwolf.nets.activated_products import elu_of, product_elu, product_times_elu_gradient
from tfwolf.nets.kept import kept


def row_layers(
    windows: tf.Tensor,
    kernel1: tf.Tensor,
    kernel2: tf.Tensor,
    kernel3: tf.Tensor,
    shifts: Sequence[tf.Tensor] = (),
) -> tf.Tensor:
    """Return elu(elu(windows kernel1) kernel2 + sum of shifts) kernel3, `[rows, out]`.

    `windows` and both hidden arrays are kept for the gradient, which computes nothing again and
    passes over each array once per product.

    Args:
        windows: `[rows, in]`.
        kernel1, kernel2, kernel3: `[in, hidden]`, `[hidden, hidden]`, `[hidden, out]`, all of the
            type of `windows`.
        shifts: terms of the second layer, `[images, 1, 1, hidden]`, which is added to all rows of
            an image, or `[images, height, width, hidden]`.
    """

    @tf.custom_gradient
    def run(
        windows: tf.Tensor, kernel1: tf.Tensor, kernel2: tf.Tensor, kernel3: tf.Tensor, *shifts
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], list[tf.Tensor]]]:
        windows = kept(windows)
        h1 = kept(product_elu(windows, kernel1))
        h2 = tf.matmul(h1, kernel2)
        for shift in shifts:
            h2 = _added(h2, shift)
        h2 = kept(elu_of(h2))

        def gradient(of_y: tf.Tensor) -> list[tf.Tensor]:
            of_h2 = product_times_elu_gradient(of_y, kernel3, h2)
            of_h1 = product_times_elu_gradient(of_h2, kernel2, h1)
            return [
                tf.matmul(of_h1, kernel1, transpose_b=True),
                tf.matmul(windows, of_h1, transpose_a=True),
                tf.matmul(h1, of_h2, transpose_a=True),
                tf.matmul(h2, of_y, transpose_a=True),
                *(_of_shift(of_h2, shift) for shift in shifts),
            ]

        return tf.matmul(h2, kernel3), gradient

    return run(windows, kernel1, kernel2, kernel3, *shifts)  # pyright: ignore[reportReturnType]


def _added(rows: tf.Tensor, shift: tf.Tensor) -> tf.Tensor:
    if _is_per_image(shift):
        images = tf.reshape(rows, [tf.shape(shift)[0], -1, rows.shape[-1]])
        return tf.reshape(images + shift[:, 0], [-1, rows.shape[-1]])
    return rows + tf.reshape(shift, [-1, rows.shape[-1]])


def _of_shift(of_rows: tf.Tensor, shift: tf.Tensor) -> tf.Tensor:
    """Return the gradient of a shift from that of the rows it was added to."""
    if _is_per_image(shift):
        images = tf.reshape(of_rows, [tf.shape(shift)[0], -1, of_rows.shape[-1]])
        return tf.reduce_sum(images, axis=1)[:, tf.newaxis, tf.newaxis]
    return tf.reshape(of_rows, tf.shape(shift))


def _is_per_image(shift: tf.Tensor) -> bool:
    return shift.shape[1:3] == (1, 1)
