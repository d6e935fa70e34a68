"""The floating type of a network's computations, which may differ from that of its weights."""

from __future__ import annotations

from typing import Literal

import tensorflow as tf

from tfwolf.core.tensor_float_32 import TF32

ALLOWED = ('bfloat16', 'float32', 'float64')


def compute_type(compute_dtype: str | tf.DType | None, dtype: str | tf.DType) -> tf.DType:
    """Return `compute_dtype` as a `tf.DType`, or `dtype` if it is None.

    Raises:
        ValueError: if it is not one of `ALLOWED`. (The range of float16 is too small.)
    """
    if compute_dtype is None:
        return tf.as_dtype(dtype)
    try:
        found = tf.as_dtype(compute_dtype)
    except TypeError:
        found = None
    if found is None or found.name not in ALLOWED:
        raise ValueError(
            f'`compute_dtype` must be None or one of {", ".join(ALLOWED)}; got '
            f'compute_dtype={compute_dtype!r}.'
        )
    return found


def check_precision(precision: str | None) -> None:
    """Check the precision that a configuration sets for all networks.

    It is one of `ALLOWED`, 'tf32', 'full' for the type of the weights, or None.

    Raises:
        ValueError: if it is anything else.
    """
    if precision not in (None, 'full', TF32, *ALLOWED):
        raise ValueError(
            f"`precision` must be None, 'full', 'tf32' or one of {', '.join(ALLOWED)}; got "
            f'precision={precision!r}.'
        )


def conv2d(
    x: tf.Tensor,
    kernel: tf.Tensor | tf.Variable,
    compute: tf.DType,
    strides: int = 1,
    padding: Literal['SAME', 'VALID'] = 'SAME',
) -> tf.Tensor:
    """Return a convolution, `[batch, height', width', out]`, computed in the type `compute`.

    Args:
        x: `[batch, height, width, in]`.
        kernel: `[size, size, in, out]`.
        compute: floating type of the computation and the result.
        strides: strides along height and width.
        padding: 'SAME' or 'VALID'.
    """
    x, kernel = tf.cast(x, compute), tf.cast(kernel, compute)
    if compute == tf.bfloat16 and strides == 1 and kernel.shape[0] == kernel.shape[1] == 1:
        # A matrix product: on a CPU the gradients of a bfloat16 1x1 convolution take twice as long.
        rows = tf.matmul(tf.reshape(x, [-1, x.shape[-1]]), kernel[0, 0])
        return tf.reshape(rows, [-1, *x.shape[1:-1], kernel.shape[-1]])
    return tf.nn.conv2d(x, kernel, strides, padding)
