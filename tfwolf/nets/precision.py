"""The floating type that a network computes in, where it is another than that of its weights and
its result.
"""

from __future__ import annotations

import tensorflow as tf

ALLOWED = ('bfloat16', 'float32', 'float64')


def compute_type(compute_dtype: str | tf.DType | None, dtype: str | tf.DType) -> tf.DType:
    """Returns `compute_dtype` as a `tf.DType`, or `dtype` where it is None.

    Raises:
        ValueError: if it is none of `ALLOWED`; float16 has too small a range for activations.
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
    """Checks what a configuration says that all networks compute in: one of `ALLOWED`, 'full' for
    the type of the weights, or None.

    Raises:
        ValueError: if it is something else.
    """
    if precision not in (None, 'full', *ALLOWED):
        raise ValueError(
            f"`precision` must be None, 'full' or one of {', '.join(ALLOWED)}; got "
            f'precision={precision!r}.'
        )


def conv2d(
    x: tf.Tensor,
    kernel: tf.Tensor | tf.Variable,
    compute: tf.DType,
    strides: int = 1,
    padding: str = 'SAME',
) -> tf.Tensor:
    """Returns the convolution of x `[batch, height, width, in]` with `kernel` `[size, size, in,
    out]`, computed and
    returned in `compute`.
    """
    x, kernel = tf.cast(x, compute), tf.cast(kernel, compute)
    if compute == tf.bfloat16 and strides == 1 and kernel.shape[0] == kernel.shape[1] == 1:
        # A plain matrix product: the gradients of a bfloat16 1x1 convolution take twice as long on
        # a CPU.
        rows = tf.matmul(tf.reshape(x, [-1, x.shape[-1]]), kernel[0, 0])
        return tf.reshape(rows, [-1, *x.shape[1:-1], kernel.shape[-1]])
    return tf.nn.conv2d(x, kernel, strides, padding)
