"""Matrix products with ELU or its gradient, on a GPU as one kernel each.

A product that is followed by ELU writes its result to memory, and ELU reads and writes it once
more. XLA does not merge them by itself; it does if both are marked as one fusion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import tensorflow as tf
from tensorflow.compiler.tf2xla.python import xla

from tfwolf.core import validate
from tfwolf.core.compilation import compiles_for_gpu
from tfwolf.nets import product_modules

# Name of a graph's collection of the numbers of its modules.
_CALLS = 'tfwolf_activated_products'


def elu_of(x: tf.Tensor) -> tf.Tensor:
    """Return ELU(x), for bfloat16 by way of float32."""
    with tf.name_scope('elu'):
        if x.dtype != tf.bfloat16:
            return tf.nn.elu(x)
        # exp(x) - 1 is exact enough for 8 bits, and faster than expm1.
        exact = tf.cast(x, tf.float32)
        return tf.cast(tf.maximum(exact, tf.exp(tf.minimum(exact, 0.0)) - 1.0), x.dtype)


def elu_slope(y: tf.Tensor) -> tf.Tensor:
    """Return ELU'(x) from y = ELU(x): 1 for a positive y, or else y + 1."""
    return tf.minimum(y, 0) + tf.ones([], y.dtype)


def product_elu(a: tf.Tensor, b: tf.Tensor, shifts: Sequence[tf.Tensor] = ()) -> tf.Tensor:
    """Return ELU(a b + shifts), `[n, m]`.

    Args:
        a: `[n, k]`.
        b: `[k, m]`.
        shifts: `[groups, m]` each, for a number of groups that divides n. The first row is added to
            the first n / groups rows of the product, the next row to the next ones, and so on.
    """
    if _is_fused(a):
        return _call(product_modules.elu, b.shape[1], a, b, *shifts)
    product = tf.matmul(a, b)
    for shift in shifts:
        shifted = in_groups(product, shift) + shift[:, tf.newaxis]
        product = tf.reshape(shifted, [-1, product.shape[-1]])
    return elu_of(product)


def product_times_elu_gradient(a: tf.Tensor, b: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Return (a b^T) ELU'(x), `[n, m]`, where y = ELU(x).

    Args:
        a: `[n, k]`.
        b: `[m, k]`.
        y: `[n, m]`.
    """
    if _is_fused(a):
        return _call(product_modules.times_elu_gradient, b.shape[0], a, b, y)
    product = tf.matmul(a, b, transpose_b=True)
    with tf.name_scope('elu'):
        return product * elu_slope(y)


def in_groups(rows: tf.Tensor, shift: tf.Tensor) -> tf.Tensor:
    """Return `[groups, n / groups, m]` for rows `[n, m]` and a shift `[groups, m]`."""
    return tf.reshape(rows, [tf.shape(shift)[0], -1, rows.shape[-1]])


def _is_fused(a: tf.Tensor) -> bool:
    return a.dtype == tf.bfloat16 and a.shape[0] is not None and compiles_for_gpu()


def _call(
    text: Callable[..., str], columns: int | None, a: tf.Tensor, b: tf.Tensor, *others: tf.Tensor
) -> tf.Tensor:
    """Return the result, `[n, columns]`, of the module that `text` writes."""
    inputs = [a, b, *others]
    shapes = [validate.static_shape('factor', value.shape) for value in inputs]
    graph = tf.compat.v1.get_default_graph()
    number = len(graph.get_collection(_CALLS))
    graph.add_to_collection(_CALLS, number)
    results = xla.call_module(
        inputs,
        version=10,
        module=text(*shapes, number=number),
        Sout=[[shapes[0][0], columns]],
        Tout=[tf.bfloat16],
        platforms=['CUDA'],
    )
    return cast(list[tf.Tensor], results)[0]
