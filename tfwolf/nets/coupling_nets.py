"""Networks inside couplings: convolutional for images, dense for vectors (Wolf, appendix B)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfwolf.core import seeds, validate
from tfwolf.core.compilation import layers_are_compiled
from tfwolf.core.freeze import derived
from tfwolf.core.parts import register
from tfwolf.core.variables import CompleteVariables
from tfwolf.nets.condition import check_condition
from tfwolf.nets.kept import elu, keep
from tfwolf.nets.pixel_rows import fold, input_matrix, is_thin, output_matrix, unfold
from tfwolf.nets.precision import compute_type, conv2d
from tfwolf.nets.row_layers import row_layers
from tfwolf.nets.weight_norm import DIRECTION_STDDEV, weight_norm


def _uniform(
    shape: Sequence[int], fan_in: int, generator: np.random.Generator, dtype: tf.DType, name: str
) -> tf.Variable:
    bound = 1 / math.sqrt(fan_in)
    return tf.Variable(tf.constant(generator.uniform(-bound, bound, shape), dtype), name=name)


class _CouplingNet(CompleteVariables, tf.Module):
    """Base class with a weight-normalized last layer of initial length 0.

    A coupling with such a network starts as the identity.
    """

    def _add_output_layer(
        self, shape: Sequence[int], generator: np.random.Generator, dtype: tf.DType
    ) -> None:
        direction = DIRECTION_STDDEV * generator.standard_normal(shape)
        self.output_direction = tf.Variable(tf.constant(direction, dtype), name='output_direction')
        self.output_length = tf.Variable(tf.zeros(shape[-1:], dtype), name='output_length')
        self.output_bias = tf.Variable(tf.zeros(shape[-1:], dtype), name='output_bias')

    def initialize(self, x: tf.Tensor, condition: tf.Tensor | None = None) -> None:
        """Set length and bias of the last layer to zero, so that the network returns zeros."""
        self.output_length.assign(tf.zeros_like(self.output_length))
        self.output_bias.assign(tf.zeros_like(self.output_bias))

    @derived('output_direction', 'output_length', stacks=True)
    def output_kernel(self) -> tf.Tensor:
        """The normalized kernel of the last layer, `[..., hidden, out]`."""
        return weight_norm(self.output_direction, self.output_length)


@register
class ConvCouplingNet(_CouplingNet):
    """conv 3x3, ELU, conv 1x1, a linear map of z added to every pixel, ELU, conv 3x3.

    The last convolution is weight-normalized.

    Args:
        in_channels: channels of the conditioning part.
        hidden_channels: width.
        out_channels: channels of the result.
        condition_dim: size of z, or 0 for a network without z.
        seed: seed of the initial weights.
        dtype: floating type of weights and result.
        compute_dtype: type of the computations inside, such as 'bfloat16'; None for `dtype`.

    Raises:
        ValueError: if a size or a type is not allowed.
    """

    hidden_arrays: int = 4

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        condition_dim: int = 0,
        seed: int = 0,
        dtype: tf.DType = tf.float32,
        compute_dtype: str | tf.DType | None = None,
    ) -> None:
        super().__init__(name='conv_coupling_net')
        validate.integer('hidden_channels', hidden_channels, minimum=1)
        validate.integer('condition_dim', condition_dim, minimum=0)
        self.compute_dtype = compute_type(compute_dtype, dtype)
        random = seeds.generator(seed, 'conv_coupling_net')
        self.kernel1 = _uniform(
            [3, 3, in_channels, hidden_channels], 9 * in_channels, random, dtype, 'kernel1'
        )
        self.kernel2 = _uniform(
            [1, 1, hidden_channels, hidden_channels], hidden_channels, random, dtype, 'kernel2'
        )
        self.has_condition = condition_dim > 0
        if self.has_condition:
            self.condition_kernel = _uniform(
                [condition_dim, hidden_channels], condition_dim, random, dtype, 'condition_kernel'
            )
            self.condition_bias = _uniform(
                [hidden_channels], condition_dim, random, dtype, 'condition_bias'
            )
        self._add_output_layer([3, 3, hidden_channels, out_channels], random, dtype)

    def __call__(
        self, x: tf.Tensor, condition: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        """Return `[batch, height, width, out_channels]`.

        Args:
            x: conditioning part of an image, `[batch, height, width, in_channels]`.
            condition: z, `[batch, condition_dim]`; None for a network without z.
            training: not used.

        Raises:
            ValueError: if z is missing or has another shape.
        """
        shift = None
        if self.has_condition:
            condition = check_condition(condition, x, self.condition_kernel.shape[0])
            shift = tf.matmul(condition, self.condition_kernel) + self.condition_bias
            shift = tf.cast(shift, self.compute_dtype)
        kernels = [
            tf.cast(kernel, self.compute_dtype)
            for kernel in (self.kernel1, self.kernel2, self.output_kernel)
        ]
        as_products = layers_are_compiled() and is_thin(kernels[0]) and is_thin(kernels[2])
        network = _as_products if as_products else _as_convolutions
        y = network(tf.cast(x, self.compute_dtype), kernels, shift)
        return keep(tf.cast(y, x.dtype) + self.output_bias)


def _as_convolutions(
    x: tf.Tensor, kernels: Sequence[tf.Tensor], shift: tf.Tensor | None
) -> tf.Tensor:
    kernel1, kernel2, kernel3 = kernels
    h = conv2d(elu(conv2d(x, kernel1, x.dtype)), kernel2, x.dtype)
    if shift is not None:
        h += shift[:, tf.newaxis, tf.newaxis]
    return conv2d(elu(h), kernel3, x.dtype)


def _as_products(x: tf.Tensor, kernels: Sequence[tf.Tensor], shift: tf.Tensor | None) -> tf.Tensor:
    height, width = validate.static_shape('x', x.shape[1:3])
    kernel1, kernel2, kernel3 = kernels
    rows = row_layers(
        unfold(x), input_matrix(kernel1), kernel2[0, 0], output_matrix(kernel3), shift
    )
    (channels,) = validate.static_shape('kernel3', kernel3.shape[-1:])
    return fold(rows, height, width, channels)


class DenseCouplingNet(_CouplingNet):
    """dense, ELU, dense, ELU, weight-normalized dense, for vectors; without a condition.

    Args:
        in_features: size of the conditioning part.
        hidden_features: width.
        out_features: size of the result.
        seed: seed of the initial weights.
        dtype: floating type.
    """

    def __init__(
        self,
        in_features: int,
        hidden_features: int,
        out_features: int,
        seed: int = 0,
        dtype: tf.DType = tf.float32,
    ) -> None:
        super().__init__(name='dense_coupling_net')
        validate.integer('hidden_features', hidden_features, minimum=1)
        random = seeds.generator(seed, 'dense_coupling_net')
        self.kernel1 = _uniform(
            [in_features, hidden_features], in_features, random, dtype, 'kernel1'
        )
        self.bias1 = _uniform([hidden_features], in_features, random, dtype, 'bias1')
        self.kernel2 = _uniform(
            [hidden_features, hidden_features], hidden_features, random, dtype, 'kernel2'
        )
        self.bias2 = _uniform([hidden_features], hidden_features, random, dtype, 'bias2')
        self._add_output_layer([hidden_features, out_features], random, dtype)

    def __call__(
        self, x: tf.Tensor, condition: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        """Return `[batch, out_features]` for x `[batch, in_features]`; `condition` is not used."""
        h = elu(tf.matmul(x, self.kernel1) + self.bias1)
        h = elu(tf.matmul(h, self.kernel2) + self.bias2)
        return keep(tf.matmul(h, self.output_kernel) + self.output_bias)
