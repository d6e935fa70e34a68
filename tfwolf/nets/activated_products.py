"""Matrix products with ELU or its gradient, on a GPU as one kernel each.

A product that is followed by ELU writes its result to memory, and ELU reads and writes it once
more. XLA does not merge them by itself; it does if both are marked as one fusion.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import tensorflow as tf
from tensorflow.compiler.tf2xla.python import xla

from tfwolf.core import validate
from tfwolf.core.compilation import compiles_for_gpu

# A module of StableHLO with one fusion. Products are summed, and ELU is computed, in float32.
_MODULE = """
module @activated_product {{
  func.func public @main({arguments}) -> {result} {{
    %0 = {call}({names}) {attributes} : ({types}) -> {result}
    return %0 : {result}
  }}
  func.func private @fusion({arguments}) -> {result} {{
    %product = stablehlo.dot_general %a, %b, contracting_dims = [1] x [{contracted}],
      precision = [DEFAULT, DEFAULT] : ({a}, {b}) -> {sums}
    %zero = stablehlo.constant dense<0.0> : {sums}
    %one = stablehlo.constant dense<1.0> : {sums}
    {body}
    %limit = stablehlo.constant dense<{limit:.9e}> : {sums}
    %limited = stablehlo.minimum %result, %limit : {sums}
    %y = stablehlo.convert %limited : ({sums}) -> {result}
    return %y : {result}
  }}
}}
"""
ELU = """
    %negative = stablehlo.minimum %product, %zero : {sums}
    %exponential = stablehlo.exponential %negative : {sums}
    %below = stablehlo.subtract %exponential, %one : {sums}
    %result = stablehlo.maximum %product, %below : {sums}
"""
# As `elu_slope`.
TIMES_ELU_GRADIENT = """
    %value = stablehlo.convert %c : ({c}) -> {sums}
    %negative = stablehlo.minimum %value, %zero : {sums}
    %slope = stablehlo.add %negative, %one : {sums}
    %result = stablehlo.multiply %product, %slope : {sums}
"""


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


def product_elu(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Return ELU(a b), `[n, m]`, for a `[n, k]` and b `[k, m]`."""
    if _is_fused(a):
        return _call(ELU, 0, a, b)
    return elu_of(tf.matmul(a, b))


def product_times_elu_gradient(a: tf.Tensor, b: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Return (a b^T) ELU'(x), `[n, m]`, where y = ELU(x).

    Args:
        a: `[n, k]`.
        b: `[m, k]`.
        y: `[n, m]`.
    """
    if _is_fused(a):
        return _call(TIMES_ELU_GRADIENT, 1, a, b, y)
    product = tf.matmul(a, b, transpose_b=True)
    with tf.name_scope('elu'):
        return product * elu_slope(y)


def module_text(
    body: str,
    contracted: int,
    shapes: Sequence[Sequence[int]],
    number: int = 0,
    fused: bool = True,
) -> str:
    """Return a module of StableHLO that computes a product and what follows.

    Args:
        body: `ELU` or `TIMES_ELU_GRADIENT`.
        contracted: index of the dimension of b that is summed over.
        shapes: of a, b and, for a gradient, y; followed by that of the result.
        number: number of the module in a graph. XLA joins fusions that are equal except for the
            layouts of their arguments, and then fails; a limit that no result reaches makes each
            one different.
        fused: whether it is marked as one fusion, which only GPUs have.
    """
    types = [f'tensor<{"x".join(map(str, shape))}xbf16>' for shape in shapes]
    *inputs, result = types
    names = ['%a', '%b', '%c'][: len(inputs)]
    sums = result.replace('bf16', 'f32')
    return _MODULE.format(
        arguments=', '.join(f'{name}: {kind}' for name, kind in zip(names, inputs)),
        names=', '.join(names),
        types=', '.join(inputs),
        result=result,
        call='stablehlo.custom_call @__cudnn$fusion' if fused else 'func.call @fusion',
        attributes='{called_computations = [@fusion]}' if fused else '',
        contracted=contracted,
        limit=1e38 * (1 + number / 2**20),
        a=inputs[0],
        b=inputs[1],
        sums=sums,
        body=body.format(sums=sums, c=inputs[-1]),
    )


def _is_fused(a: tf.Tensor) -> bool:
    return a.dtype == tf.bfloat16 and a.shape[0] is not None and compiles_for_gpu()


def _call(body: str, contracted: int, *inputs: tf.Tensor) -> tf.Tensor:
    """Return the result of a module; `contracted` is as of `module_text`."""
    shapes = [validate.static_shape('factor', value.shape) for value in inputs]
    result = [shapes[0][0], shapes[1][1 - contracted]]
    number = tf.compat.v1.get_default_graph().version
    results = xla.call_module(
        inputs,
        version=10,
        module=module_text(body, contracted, [*shapes, result], number),
        Sout=[result],
        Tout=[tf.bfloat16],
        platforms=['CUDA'],
    )
    return cast(list[tf.Tensor], results)[0]
