"""Two hidden layers on rows and the product after them, with a gradient written by hand."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from tfwolf.nets.activated_products import elu_of, product_elu, product_times_elu_gradient
from tfwolf.nets.kept import kept


def row_layers(
    windows: tf.Tensor,
    kernel1: tf.Tensor,
    kernel2: tf.Tensor,
    kernel3: tf.Tensor,
    shift: tf.Tensor | None,
) -> tf.Tensor:
    """Return elu(elu(windows kernel1) kernel2 + shift) kernel3, `[rows, out]`.

    `windows` and both hidden arrays are kept for the gradient, which computes nothing again and
    passes over each array once per product.

    Args:
        windows: `[rows, in]`.
        kernel1, kernel2, kernel3: `[in, hidden]`, `[hidden, hidden]`, `[hidden, out]`, all of the
            type of `windows`.
        shift: `[images, hidden]`, added to the `rows / images` rows of each image; or None.
    """

    @tf.custom_gradient
    def run(
        windows: tf.Tensor, kernel1: tf.Tensor, kernel2: tf.Tensor, kernel3: tf.Tensor, *shifts
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], list[tf.Tensor]]]:
        windows = kept(windows)
        h1 = kept(product_elu(windows, kernel1))
        h2 = tf.matmul(h1, kernel2)
        for shift in shifts:
            h2 = _of_rows(_by_image(h2, shift) + shift[:, tf.newaxis])
        h2 = kept(elu_of(h2))

        def gradient(of_y: tf.Tensor) -> list[tf.Tensor]:
            of_h2 = product_times_elu_gradient(of_y, kernel3, h2)
            of_h1 = product_times_elu_gradient(of_h2, kernel2, h1)
            return [
                tf.matmul(of_h1, kernel1, transpose_b=True),
                tf.matmul(windows, of_h1, transpose_a=True),
                tf.matmul(h1, of_h2, transpose_a=True),
                tf.matmul(h2, of_y, transpose_a=True),
                *(tf.reduce_sum(_by_image(of_h2, shift), axis=1) for shift in shifts),
            ]

        return tf.matmul(h2, kernel3), gradient

    shifts = [] if shift is None else [shift]
    return run(windows, kernel1, kernel2, kernel3, *shifts)  # pyright: ignore[reportReturnType]


def _by_image(rows: tf.Tensor, shift: tf.Tensor) -> tf.Tensor:
    """Return rows as `[images, rows per image, channels]`."""
    return tf.reshape(rows, [tf.shape(shift)[0], -1, rows.shape[-1]])


def _of_rows(images: tf.Tensor) -> tf.Tensor:
    return tf.reshape(images, [-1, images.shape[-1]])
