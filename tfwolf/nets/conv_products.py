"""Three convolutions as matrix products, with a gradient written by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from tfwolf.core import validate
from tfwolf.core.custom_gradient import custom_gradient
from tfwolf.nets.activated_products import in_groups, product_elu, product_times_elu_gradient
from tfwolf.nets.kept import kept
from tfwolf.nets.pixel_rows import fold, unfold


def convolutions_as_products(
    x: tf.Tensor,
    matrix1: tf.Tensor,
    matrix2: tf.Tensor,
    matrix3: tf.Tensor,
    out_channels: int,
    shifts: Sequence[tf.Tensor] = (),
) -> tf.Tensor:
    """Return conv3x3(elu(conv1x1(elu(conv3x3(x))) + sum of shifts)), `[batch, height, width, out]`.

    The windows of x, both hidden arrays and the result are kept for the gradient, which computes
    nothing again and passes over each array once per product.

    Args:
        x: `[batch, height, width, in]`, of static height and width.
        matrix1, matrix2, matrix3: the kernels, all of the type of x: the result of
            `pixel_rows.input_matrix`, `[hidden, hidden]`, and that of `pixel_rows.output_matrix`.
        out_channels: channels of the result.
        shifts: terms of the second layer, `[batch, 1, 1, hidden]`, which is added to all pixels of
            an image, or `[batch, height, width, hidden]`.
    """
    height, width, in_channels = validate.static_shape('x', x.shape[1:])

    @custom_gradient
    def run(
        x: tf.Tensor, matrix1: tf.Tensor, matrix2: tf.Tensor, matrix3: tf.Tensor, *shifts
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], list[tf.Tensor]]]:
        def forward() -> tuple[tf.Tensor, ...]:
            windows = unfold(x)
            h1 = product_elu(windows, matrix1)
            h2 = product_elu(h1, matrix2, [_as_rows(shift) for shift in shifts])
            y = fold(tf.matmul(h2, matrix3), height, width, out_channels)
            return windows, h1, h2, y

        windows, h1, h2, y = kept(forward)

        def gradient(of_y: tf.Tensor) -> list[tf.Tensor]:
            of_rows = unfold(of_y)
            of_h2 = product_times_elu_gradient(of_rows, matrix3, h2)
            of_h1 = product_times_elu_gradient(of_h2, matrix2, h1)
            of_windows = tf.matmul(of_h1, matrix1, transpose_b=True)
            return [
                fold(of_windows, height, width, in_channels),
                tf.matmul(windows, of_h1, transpose_a=True),
                tf.matmul(h1, of_h2, transpose_a=True),
                tf.matmul(h2, of_rows, transpose_a=True),
                *(_of_shift(of_h2, shift) for shift in shifts),
            ]

        return tf.identity(y), gradient

    return run(x, matrix1, matrix2, matrix3, *shifts)


def _as_rows(shift: tf.Tensor) -> tf.Tensor:
    """Return a shift as a matrix, with a row for each image or for each pixel."""
    return tf.reshape(shift, [-1, shift.shape[-1]])


def _of_shift(of_rows: tf.Tensor, shift: tf.Tensor) -> tf.Tensor:
    """Return the gradient of a shift from that of the rows it was added to."""
    if shift.shape[1:3] == (1, 1):
        of_rows = tf.reduce_sum(in_groups(of_rows, _as_rows(shift)), axis=1)
    return tf.reshape(of_rows, tf.shape(shift))
