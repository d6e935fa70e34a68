"""A block of a transformer: attention and two dense layers, each after a norm and added to x."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from tfwolf.core import validate
from tfwolf.core.custom_gradient import custom_gradient
from tfwolf.core.variables import CompleteVariables

# Width of the hidden dense layer, in widths of the block.
EXPANSION = 4
NORM_EPSILON = 1e-6
# A gain and a bias for each of the two norms.
MODULATIONS = 4


class TransformerBlock(CompleteVariables, tf.Module):
    """x + attention(norm(x)), then x + dense(GELU(dense(norm(x)))), on tokens of one width.

    Attention is softmax(q k^T / sqrt(width / num_heads)) v in each of the heads, between all
    tokens. With a condition z, a linear map of z is added to gain and bias of both norms; it starts
    at zero.

    Args:
        width: size of a token.
        num_heads: number of heads of the attention; must divide the width.
        condition_dim: size of the z that modulates the norms; 0 for none.
        random: generator of the initial weights.
        dtype: floating type of the weights.

    Raises:
        ValueError: if `num_heads` does not divide `width`.

    Reference: Dosovitskiy et al., "An Image is Worth 16x16 Words", 2021, arXiv:2010.11929,
        equations 2 and 3.
    """

    def __init__(
        self,
        width: int,
        num_heads: int,
        condition_dim: int,
        random: np.random.Generator,
        dtype: tf.DType,
    ) -> None:
        super().__init__(name='transformer_block')
        validate.integer('num_heads', num_heads, minimum=1)
        if width % num_heads:
            raise ValueError(
                f'`num_heads` must divide the width of the network, {width}; got '
                f'num_heads={num_heads}.'
            )
        self._num_heads = num_heads
        self._head_size = width // num_heads
        self._condition_dim = condition_dim

        def kernel(name: str, *shape: int) -> tf.Variable:
            return glorot_weight(shape, random, dtype, name)

        def constant(name: str, value: float, *shape: int) -> tf.Variable:
            return tf.Variable(tf.fill(shape, tf.constant(value, dtype)), name=name)

        self.gain1, self.norm_bias1 = constant('gain1', 1, width), constant('norm_bias1', 0, width)
        self.gain2, self.norm_bias2 = constant('gain2', 1, width), constant('norm_bias2', 0, width)
        # Queries, keys and values by one product; each has the initial scale of its own.
        parts = [kernel('qkv_kernel', width, width) for _ in range(3)]
        self.qkv_kernel = tf.Variable(tf.concat(parts, axis=1), name='qkv_kernel')
        self.qkv_bias = constant('qkv_bias', 0, 3 * width)
        self.attention_kernel = kernel('attention_kernel', width, width)
        self.attention_bias = constant('attention_bias', 0, width)
        self.kernel1 = kernel('kernel1', width, EXPANSION * width)
        self.bias1 = constant('bias1', 0, EXPANSION * width)
        self.kernel2 = kernel('kernel2', EXPANSION * width, width)
        self.bias2 = constant('bias2', 0, width)
        if condition_dim:
            self.modulation = constant('modulation', 0, condition_dim, MODULATIONS * width)

    def __call__(self, tokens: tf.Tensor, z: tf.Tensor | None = None) -> tf.Tensor:
        """Return `[batch, tokens, width]`, computed in the type of `tokens`.

        Args:
            tokens: `[batch, tokens, width]`.
            z: `[batch, condition_dim]`; not used by a block without a condition.
        """
        gain1, bias1, gain2, bias2 = self._gains_and_biases(z)
        with tf.name_scope('attention'):
            h = layer_norm(tokens, gain1, bias1)
            h = self._attention(dense(h, self.qkv_kernel, self.qkv_bias))
            tokens += dense(h, self.attention_kernel, self.attention_bias)
        with tf.name_scope('mlp'):
            h = dense(layer_norm(tokens, gain2, bias2), self.kernel1, self.bias1)
            return tokens + dense(gelu(h), self.kernel2, self.bias2)

    def _gains_and_biases(self, z: tf.Tensor | None) -> list[tf.Tensor]:
        """Return gain and bias of both norms, `[width]`, or `[batch, 1, width]` with z."""
        fixed = [self.gain1, self.norm_bias1, self.gain2, self.norm_bias2]
        if z is None or not self._condition_dim:
            return [tf.convert_to_tensor(value) for value in fixed]
        added = tf.split(tf.matmul(z, self.modulation)[:, tf.newaxis], MODULATIONS, axis=-1)
        return [value + change for value, change in zip(fixed, added, strict=True)]

    def _attention(self, qkv: tf.Tensor) -> tf.Tensor:
        """Return the values that the tokens attend to, `[batch, tokens, width]`.

        Args:
            qkv: queries, keys and values, `[batch, tokens, 3 width]`.
        """
        num_tokens, heads, size = qkv.shape[1], self._num_heads, self._head_size
        parts = tf.reshape(qkv, [-1, num_tokens, 3, heads, size])
        query, key, value = tf.unstack(tf.transpose(parts, [2, 0, 3, 1, 4]))
        logits = tf.matmul(query * (1 / math.sqrt(size)), key, transpose_b=True)
        # In at least float32: the sum of an exponential loses too much in bfloat16.
        weights = tf.nn.softmax(tf.cast(logits, _exact(logits.dtype)))
        found = tf.matmul(tf.cast(weights, value.dtype), value)
        return tf.reshape(tf.transpose(found, [0, 2, 1, 3]), [-1, num_tokens, heads * size])


def dense(
    x: tf.Tensor, kernel: tf.Tensor | tf.Variable, bias: tf.Tensor | tf.Variable
) -> tf.Tensor:
    """Return x kernel + bias on the last axis of `[batch, tokens, in]`, in the type of x."""
    rows = tf.matmul(tf.reshape(x, [-1, x.shape[-1]]), tf.cast(kernel, x.dtype))
    rows += tf.cast(bias, x.dtype)
    return tf.reshape(rows, [-1, *x.shape[1:-1], rows.shape[-1]])


@custom_gradient
def gelu(x: tf.Tensor) -> Any:
    """Return x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, of x's shape.

    It is x sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3)). `tf.nn.gelu` rounds the coefficient to
    float32, also for float64, and keeps more arrays for its gradient.

    Reference: Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016, arXiv:1606.08415, section
        2.
    """
    linear = 2 * math.sqrt(2 / math.pi)
    cubic = 0.044715 * linear
    square = x * x
    share = tf.sigmoid(x * (linear + cubic * square))
    y = x * share

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        return upstream * (share + y * (1 - share) * (linear + 3 * cubic * square))

    return y, gradient


def layer_norm(x: tf.Tensor, gain: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Return x of mean 0 and variance 1 over its last axis, times gain, plus bias; type of x.

    Reference: Ba, Kiros and Hinton, "Layer Normalization", 2016, arXiv:1607.06450, equation 4.
    """
    exact = tf.cast(x, _exact(x.dtype))
    centered = exact - tf.reduce_mean(exact, axis=-1, keepdims=True)
    variance = tf.reduce_mean(tf.square(centered), axis=-1, keepdims=True)
    normal = centered * tf.math.rsqrt(variance + NORM_EPSILON)
    return tf.cast(normal * tf.cast(gain, exact.dtype) + tf.cast(bias, exact.dtype), x.dtype)


def glorot_weight(
    shape: tuple[int, ...], random: np.random.Generator, dtype: tf.DType, name: str
) -> tf.Variable:
    """Return a matrix whose values are uniform in [-1, 1] sqrt(6 / (rows + columns))."""
    bound = math.sqrt(6 / sum(shape))
    return tf.Variable(tf.constant(random.uniform(-bound, bound, shape), dtype), name=name)


def _exact(dtype: tf.DType) -> tf.DType:
    return tf.float32 if dtype == tf.bfloat16 else dtype
