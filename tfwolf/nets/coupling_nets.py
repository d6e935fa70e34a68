"""Networks inside couplings: convolutional for images, dense for vectors (Wolf, appendix B)."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfwolf.core import seeds, validate
from tfwolf.core.compilation import layers_are_compiled
from tfwolf.core.freeze import prepared
from tfwolf.core.parts import register
from tfwolf.nets.condition import Condition
from tfwolf.nets.conditioned_net import ConditionedNet, uniform_weight
from tfwolf.nets.conv_products import convolutions_as_products
from tfwolf.nets.kept import elu, keep
from tfwolf.nets.pixel_rows import input_matrix, is_thin, output_matrix
from tfwolf.nets.precision import compute_type, conv2d


@register
class ConvCouplingNet(ConditionedNet):
    """conv 3x3, ELU, conv 1x1, terms of the condition, ELU, conv 3x3.

    The terms are a linear map of z, added to every pixel, and a 3x3 convolution of the condition's
    image. The last convolution is weight-normalized.

    Args:
        in_channels: channels of the conditioning part.
        hidden_channels: width.
        out_channels: channels of the result.
        condition_dim: size of z, or 0 for a network without z.
        seed: seed of the initial weights.
        dtype: floating type of weights and result.
        compute_dtype: type of the computations inside, such as 'bfloat16'; None for `dtype`.
        condition_channels: channels of the condition's image at the resolution of x; 0 for none.

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
        condition_channels: int = 0,
    ) -> None:
        super().__init__(name='conv_coupling_net')
        validate.integer('hidden_channels', hidden_channels, minimum=1)
        self.compute_dtype = compute_type(compute_dtype, dtype)
        random = seeds.generator(seed, 'conv_coupling_net')
        self.kernel1 = uniform_weight(
            [3, 3, in_channels, hidden_channels], 9 * in_channels, random, dtype, 'kernel1'
        )
        self.kernel2 = uniform_weight(
            [1, 1, hidden_channels, hidden_channels], hidden_channels, random, dtype, 'kernel2'
        )
        self._add_condition_layers(
            condition_dim, condition_channels, hidden_channels, random, dtype
        )
        self._add_output_layer([3, 3, hidden_channels, out_channels], random, dtype)
        self._out_channels = out_channels
        self._is_thin = is_thin(self.kernel1) and is_thin(self.output_direction)

    def __call__(
        self, x: tf.Tensor, condition: Condition | None = None, training: bool = False
    ) -> tf.Tensor:
        """Return `[batch, height, width, out_channels]`.

        Args:
            x: conditioning part of an image, `[batch, height, width, in_channels]`.
            condition: z, an image, or both, as the network was built for; see
                `tfwolf.nets.condition`.
            training: not used.

        Raises:
            ValueError: if a part of the condition is missing or has another shape.
        """
        terms = self.condition_terms(condition, x)
        operands = self.operand1, self.operand2, self.operand3
        x, dtype = tf.cast(x, self.compute_dtype), x.dtype
        if self._multiplies:
            # It keeps its result for the gradient.
            y = convolutions_as_products(x, *operands, self._out_channels, terms)
            return tf.cast(y, dtype) + self.output_bias
        return keep(tf.cast(_convolutions(x, *operands, terms), dtype) + self.output_bias)

    @prepared('kernel1')
    def operand1(self) -> tf.Tensor:
        """The kernel of the first layer, or its matrix where convolutions are products."""
        kernel = tf.cast(self.kernel1, self.compute_dtype)
        return input_matrix(kernel) if self._multiplies else kernel

    @prepared('kernel2')
    def operand2(self) -> tf.Tensor:
        """The kernel of the second layer, or its matrix."""
        kernel = tf.cast(self.kernel2, self.compute_dtype)
        return tf.squeeze(kernel, [-4, -3]) if self._multiplies else kernel

    @prepared('output_kernel', 'output_direction', 'output_length')
    def operand3(self) -> tf.Tensor:
        """The kernel of the last layer, or its matrix."""
        kernel = tf.cast(self.output_kernel, self.compute_dtype)
        return output_matrix(kernel) if self._multiplies else kernel

    @property
    def _multiplies(self) -> bool:
        """Whether convolutions are products of matrices here."""
        return self._is_thin and layers_are_compiled()


def _convolutions(
    x: tf.Tensor,
    kernel1: tf.Tensor,
    kernel2: tf.Tensor,
    kernel3: tf.Tensor,
    terms: Sequence[tf.Tensor],
) -> tf.Tensor:
    h = conv2d(elu(conv2d(x, kernel1, x.dtype)), kernel2, x.dtype)
    for term in terms:
        h += term
    return conv2d(elu(h), kernel3, x.dtype)


class DenseCouplingNet(ConditionedNet):
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
        self.kernel1 = uniform_weight(
            [in_features, hidden_features], in_features, random, dtype, 'kernel1'
        )
        self.bias1 = uniform_weight([hidden_features], in_features, random, dtype, 'bias1')
        self.kernel2 = uniform_weight(
            [hidden_features, hidden_features], hidden_features, random, dtype, 'kernel2'
        )
        self.bias2 = uniform_weight([hidden_features], hidden_features, random, dtype, 'bias2')
        self._add_output_layer([hidden_features, out_features], random, dtype)

    def __call__(
        self, x: tf.Tensor, condition: Condition | None = None, training: bool = False
    ) -> tf.Tensor:
        """Return `[batch, out_features]` for x `[batch, in_features]`; `condition` is not used."""
        h = elu(tf.matmul(x, self.kernel1) + self.bias1)
        h = elu(tf.matmul(h, self.kernel2) + self.bias2)
        return keep(tf.matmul(h, self.output_kernel) + self.output_bias)
