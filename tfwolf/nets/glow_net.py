"""Networks of Glow (sections 3.3 and 5): the coupling network and `ZeroConv`.

The latter predicts the distribution of the dimensions that are factored out.
"""

from __future__ import annotations

import tensorflow as tf

from tfwolf.core import seeds, validate
from tfwolf.core.parts import register
from tfwolf.core.variables import CompleteVariables
from tfwolf.nets.channel_norm import chunks_of, graph_of, moments, standardizing
from tfwolf.nets.condition import Condition
from tfwolf.nets.precision import compute_type, conv2d

KERNEL_STDDEV = 0.05


@register
class ZeroConv(CompleteVariables, tf.Module):
    """A linear 3x3 convolution with bias whose weights start at zero.

    Args:
        in_channels: number of channels of x.
        out_channels: number of channels of the result.
        dtype: floating type of weights and result.
        compute_dtype: type of the convolution's computation; None for `dtype`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        dtype: tf.DType = tf.float32,
        compute_dtype: str | tf.DType | None = None,
    ) -> None:
        super().__init__(name='zero_conv')
        self.compute_dtype = compute_type(compute_dtype, dtype)
        self.kernel = tf.Variable(tf.zeros([3, 3, in_channels, out_channels], dtype), name='kernel')
        self.bias = tf.Variable(tf.zeros([out_channels], dtype), name='bias')

    def __call__(
        self, x: tf.Tensor, condition: Condition | None = None, training: bool = False
    ) -> tf.Tensor:
        """Return `[batch, height, width, out_channels]` for x `[..., in_channels]`.

        `condition` is not used.
        """
        return tf.cast(conv2d(x, self.kernel, self.compute_dtype), self.bias.dtype) + self.bias

    def initialize(self, x: tf.Tensor, condition: Condition | None = None) -> None:
        """Set all weights to zero."""
        self.kernel.assign(tf.zeros_like(self.kernel))
        self.bias.assign(tf.zeros_like(self.bias))


@register
class GlowCouplingNet(CompleteVariables, tf.Module):
    """conv 3x3, actnorm, ReLU, conv 1x1, actnorm, ReLU, conv 3x3 that starts at zero.

    Args:
        in_channels: number of channels of the conditioning part.
        hidden_channels: width of the hidden layers, 512 in the paper.
        out_channels: number of channels of the result.
        condition_dim: 0; this network does not accept a condition.
        seed: seed of the initial weights, N(0, 0.05^2).
        dtype: floating type of weights and result.
        compute_dtype: type of the computations inside, such as 'bfloat16'; None for `dtype`.

    Raises:
        ValueError: if a size or a type is not allowed, or `condition_dim` is not 0.

    Source: Kingma and Dhariwal, "Glow", 2018, arXiv:1807.03039, section 5 and its figure 2.
    """

    hidden_arrays: int = 6

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
        super().__init__(name='glow_coupling_net')
        self.compute_dtype = compute_type(compute_dtype, dtype)
        validate.integer('hidden_channels', hidden_channels, minimum=1)
        if condition_dim:
            raise ValueError(
                '`condition_dim` must be 0: `GlowCouplingNet` does not accept a condition; got '
                f'condition_dim={condition_dim!r}. Use `ConvCouplingNet`.'
            )
        random = seeds.generator(seed, 'glow_coupling_net')

        def kernel(size: int, channels: int, name: str) -> tf.Variable:
            shape = [size, size, channels, hidden_channels]
            value = KERNEL_STDDEV * random.standard_normal(shape)
            return tf.Variable(tf.constant(value, dtype), name=name)

        def per_channel(name: str) -> tf.Variable:
            return tf.Variable(tf.zeros([hidden_channels], dtype), name=name)

        self.kernel1 = kernel(3, in_channels, 'kernel1')
        self.kernel2 = kernel(1, hidden_channels, 'kernel2')
        self.log_scale1, self.bias1 = per_channel('log_scale1'), per_channel('bias1')
        self.log_scale2, self.bias2 = per_channel('log_scale2'), per_channel('bias2')
        self.output = ZeroConv(hidden_channels, out_channels, dtype, compute_dtype)

    def __call__(
        self, x: tf.Tensor, condition: Condition | None = None, training: bool = False
    ) -> tf.Tensor:
        """Return `[batch, height, width, out_channels]` for x `[..., in_channels]`.

        `condition` is not used.
        """
        h = self._hidden(x, self.kernel1, self.log_scale1, self.bias1)
        h = self._hidden(h, self.kernel2, self.log_scale2, self.bias2)
        return self.output(h)

    def _hidden(
        self, x: tf.Tensor, kernel: tf.Variable, log_scale: tf.Variable, bias: tf.Variable
    ) -> tf.Tensor:
        scale, shift = (tf.cast(value, self.compute_dtype) for value in (tf.exp(log_scale), bias))
        return tf.nn.relu(conv2d(x, kernel, self.compute_dtype) * scale + shift)

    def initialize(self, x: tf.Tensor, condition: Condition | None = None) -> None:
        """Standardize both hidden layers for real images, and set the last layer to zero.

        Args:
            x: conditioning part of images, `[batch, height, width, in_channels]`.
            condition: not used.
        """
        # The first layer is computed twice; storing its result for all images would cost more.
        for log_scale, bias, of_chunk in (
            (self.log_scale1, self.bias1, lambda x: graph_of(_first_moments, x)(x, self.kernel1)),
            (
                self.log_scale2,
                self.bias2,
                lambda x: graph_of(_second_moments, x)(
                    x, self.kernel1, self.log_scale1, self.bias1, self.kernel2
                ),
            ),
        ):
            height, width, channels = validate.static_shape('x', [*x.shape[1:3], *bias.shape])
            chunks = chunks_of(x, height * width * channels)
            for variable, value in zip(
                (log_scale, bias), standardizing(chunks, bias.dtype, of_chunk)
            ):
                variable.assign(value)
        self.output.initialize(x)


# The weights are arguments, so that all networks of one shape share a trace.
def _first_moments(x: tf.Tensor, kernel1: tf.Variable) -> tuple[tf.Tensor, tf.Tensor]:
    return moments(tf.nn.conv2d(x, kernel1, 1, 'SAME'))


def _second_moments(
    x: tf.Tensor,
    kernel1: tf.Variable,
    log_scale1: tf.Variable,
    bias1: tf.Variable,
    kernel2: tf.Variable,
) -> tuple[tf.Tensor, tf.Tensor]:
    h = tf.nn.relu(tf.nn.conv2d(x, kernel1, 1, 'SAME') * tf.exp(log_scale1) + bias1)
    return moments(tf.nn.conv2d(h, kernel2, 1, 'SAME'))
