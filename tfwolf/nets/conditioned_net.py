"""What networks inside flows share: the terms of a condition, and a last layer that starts at 0."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfwolf.core import validate
from tfwolf.core.compilation import layers_are_compiled
from tfwolf.core.freeze import derived, prepared
from tfwolf.core.variables import CompleteVariables
from tfwolf.nets.condition import Condition, check_condition, check_image_condition
from tfwolf.nets.pixel_rows import input_matrix, is_thin, unfold
from tfwolf.nets.precision import conv2d
from tfwolf.nets.weight_norm import DIRECTION_STDDEV, weight_norm


def uniform_weight(
    shape: Sequence[int], fan_in: int, generator: np.random.Generator, dtype: tf.DType, name: str
) -> tf.Variable:
    """Return a variable whose values are uniform in [-1, 1] / sqrt(fan_in)."""
    bound = 1 / math.sqrt(fan_in)
    return tf.Variable(tf.constant(generator.uniform(-bound, bound, shape), dtype), name=name)


class ConditionTerms(CompleteVariables, tf.Module):
    """Base class of networks that add terms of a condition to a hidden layer.

    The terms are a linear map of the condition's vector, added to every pixel, and a 3x3
    convolution of its image, both with bias.

    Attributes:
        condition_dim: size of the condition's vector; 0 for none.
        condition_channels: channels of the condition's image at the resolution of x; 0 for none.
        compute_dtype: floating type of the terms, which the network sets.
    """

    condition_dim: int = 0
    condition_channels: int = 0
    compute_dtype: tf.DType

    def _add_condition_layers(
        self,
        condition_dim: int,
        condition_channels: int,
        hidden_channels: int,
        generator: np.random.Generator,
        dtype: tf.DType,
    ) -> None:
        self.condition_dim = validate.integer('condition_dim', condition_dim, minimum=0)
        self.condition_channels = validate.integer(
            'condition_channels', condition_channels, minimum=0
        )

        def weight(name: str, fan_in: int, *shape: int) -> tf.Variable:
            return uniform_weight([*shape, hidden_channels], fan_in, generator, dtype, name)

        if condition_dim:
            self.condition_kernel = weight('condition_kernel', condition_dim, condition_dim)
            self.condition_bias = weight('condition_bias', condition_dim)
        if condition_channels:
            fan_in = 9 * condition_channels
            self.image_kernel = weight('image_kernel', fan_in, 3, 3, condition_channels)
            self.image_bias = weight('image_bias', fan_in)

    def condition_terms(self, condition: Condition | None, x: tf.Tensor) -> list[tf.Tensor]:
        """Return the terms of the condition, which the caller adds to a hidden layer.

        Args:
            condition: the condition; parts that the network was not built for are ignored.
            x: the network's input, `[batch, height, width, channels]`.

        Returns:
            `[batch, 1, 1, hidden]` for the vector, `[batch, height, width, hidden]` for the image;
            only those that the network was built for.

        Raises:
            ValueError: if a part that the network was built for is missing or has another shape.
        """
        terms = []
        if self.condition_dim:
            terms.append(self.vector_term(condition, x)[:, tf.newaxis, tf.newaxis])
        if self.condition_channels:
            image = check_image_condition(condition, x, self.condition_channels)
            kernel, bias = (
                tf.cast(weight, self.compute_dtype)
                for weight in (self.image_kernel, self.image_bias)
            )
            terms.append(_conv3x3(tf.cast(image, self.compute_dtype), kernel) + bias)
        return terms

    @prepared('condition_kernel', 'condition_bias', of_condition=True)
    def vector_term(self, condition: Condition | None, x: tf.Tensor) -> tf.Tensor:
        """The map of the condition's vector, `[batch, hidden]`, or `[n, batch, hidden]`."""
        vector = check_condition(condition, x, self.condition_dim)
        bias = tf.convert_to_tensor(self.condition_bias)
        if bias.shape.rank > 1:
            bias = bias[:, tf.newaxis]
        return tf.cast(tf.matmul(vector, self.condition_kernel) + bias, self.compute_dtype)


class ConditionedNet(ConditionTerms):
    """Base class of networks with terms of a condition whose last layer is weight-normalized.

    Its initial length is 0, so a coupling with such a network starts as the identity.
    """

    def _add_output_layer(
        self, shape: Sequence[int], generator: np.random.Generator, dtype: tf.DType
    ) -> None:
        direction = DIRECTION_STDDEV * generator.standard_normal(shape)
        self.output_direction = tf.Variable(tf.constant(direction, dtype), name='output_direction')
        self.output_length = tf.Variable(tf.zeros(shape[-1:], dtype), name='output_length')
        self.output_bias = tf.Variable(tf.zeros(shape[-1:], dtype), name='output_bias')

    def initialize(self, x: tf.Tensor, condition: Condition | None = None) -> None:
        """Set length and bias of the last layer to zero, so that the network returns zeros."""
        self.output_length.assign(tf.zeros_like(self.output_length))
        self.output_bias.assign(tf.zeros_like(self.output_bias))

    @derived('output_direction', 'output_length', stacks=True)
    def output_kernel(self) -> tf.Tensor:
        """The normalized kernel of the last layer, `[..., hidden, out]`."""
        return weight_norm(self.output_direction, self.output_length)


def _conv3x3(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    if layers_are_compiled() and is_thin(kernel):
        rows = tf.matmul(unfold(x), input_matrix(kernel))
        return tf.reshape(rows, [-1, *x.shape[1:3], kernel.shape[-1]])
    return conv2d(x, kernel, x.dtype)
