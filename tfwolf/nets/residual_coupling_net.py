"""The residual network of Real NVP's couplings (Real NVP, sections 3.7 and 4.1).

It is normalized by weight and batch normalization.
"""

from __future__ import annotations

from collections.abc import Generator

import tensorflow as tf

from tfwolf.core import seeds, validate
from tfwolf.core.freeze import derived
from tfwolf.core.parts import register
from tfwolf.core.variables import CompleteVariables
from tfwolf.nets.batch_norm import BatchNorm
from tfwolf.nets.channel_norm import spans
from tfwolf.nets.condition import Condition, check_condition, rows_of
from tfwolf.nets.precision import compute_type, conv2d
from tfwolf.nets.weight_norm import DIRECTION_STDDEV, weight_norm


class WeightNormConv(CompleteVariables, tf.Module):
    """A weight-normalized convolution with bias; its length is one scalar per output channel.

    Args:
        size: side of the kernel.
        in_channels, out_channels: number of channels.
        seed: seed of the initial direction.
        dtype: floating type of weights and result.
        compute_dtype: type of the convolution's computation; None for `dtype`.
        length: initial length; with 0 the layer returns zeros at first.
    """

    def __init__(
        self,
        size: int,
        in_channels: int,
        out_channels: int,
        seed: int,
        dtype: tf.DType,
        compute_dtype: str | tf.DType | None = None,
        length: float = 1.0,
    ) -> None:
        super().__init__(name='weight_norm_conv')
        self.compute_dtype = compute_type(compute_dtype, dtype)
        shape = [size, size, in_channels, out_channels]
        random = seeds.generator(seed, 'weight_norm_conv')
        direction = DIRECTION_STDDEV * random.standard_normal(shape)
        self.direction = tf.Variable(tf.constant(direction, dtype), name='direction')
        self.length = tf.Variable(
            tf.fill([out_channels], tf.constant(length, dtype)), name='length'
        )
        self.bias = tf.Variable(tf.zeros([out_channels], dtype), name='bias')

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Return `[batch, height, width, out_channels]` for x `[..., in_channels]`."""
        return tf.cast(conv2d(x, self.kernel, self.compute_dtype), x.dtype) + self.bias

    @derived('direction', 'length')
    def kernel(self) -> tf.Tensor:
        """The normalized kernel, `[size, size, in_channels, out_channels]`."""
        return weight_norm(self.direction, self.length)


@register
class ResidualCouplingNet(CompleteVariables, tf.Module):
    """Residual network for the shift and the bounded log-scale of an affine coupling.

    Its layers are conv 3x3, residual blocks BN-ReLU-conv-BN-ReLU-conv, and BN-ReLU-conv 1x1.

    The input of the last layer is the sum of skip connections: the outputs of the first convolution
    and of each block, each through a separate 1x1 convolution. The first half of the last layer's
    output is the shift. The second half, u, yields the log-scale factor * tanh(u), where the factor
    is learned per channel. The last layer starts at zero. A linear map of the condition is added to
    every pixel after the first convolution.

    Args:
        in_channels: number of channels of the conditioning part.
        hidden_channels: width of the hidden layers.
        out_channels: number of channels of shift and log-scale together.
        condition_dim: size of the condition, such as a one-hot label; 0 for none.
        seed: seed of the initial weights.
        dtype: floating type of weights, normalization and result.
        num_blocks: number of residual blocks; 8, 4 and 2 in the paper for CIFAR-10, ImageNet at
            32x32, and images of 64x64.
        compute_dtype: type of the convolutions' computation, such as 'bfloat16'; None for `dtype`.

    Raises:
        ValueError: if a size or a type is not allowed.
    """

    # By batch norm, in training.
    normalizes_over_batch: bool = True

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        condition_dim: int = 0,
        seed: int = 0,
        dtype: tf.DType = tf.float32,
        num_blocks: int = 8,
        compute_dtype: str | tf.DType | None = None,
    ) -> None:
        super().__init__(name='residual_coupling_net')
        validate.integer('hidden_channels', hidden_channels, minimum=1)
        validate.integer('num_blocks', num_blocks, minimum=0)

        self.compute_dtype = compute_type(compute_dtype, dtype)
        # Two convolutions per block, each with norm and ReLU; the first layer, the sum of the
        # skip connections, the last norm and its ReLU.
        self.hidden_arrays: int = 6 * num_blocks + 4

        def conv(
            size: int, inputs: int, outputs: int, *purpose: str | int, length: float = 1.0
        ) -> WeightNormConv:
            return WeightNormConv(
                size, inputs, outputs, seeds.derive(seed, *purpose), dtype, compute_dtype, length
            )

        def norm(channels: int) -> BatchNorm:
            layer = BatchNorm(dtype=tf.as_dtype(dtype).name)
            layer.build([None, None, None, channels])
            return layer

        hidden = hidden_channels
        self.first = conv(3, in_channels, hidden, 'first')
        self.skips = [conv(1, hidden, hidden, 'skip', block) for block in range(num_blocks + 1)]
        self.norms = [norm(hidden) for _ in range(2 * num_blocks)]
        self.convs = [conv(3, hidden, hidden, 'block', layer) for layer in range(2 * num_blocks)]
        self.last_norm = norm(hidden)
        self.last = conv(1, hidden, out_channels, 'last', length=0.0)
        self.log_scale_factor = tf.Variable(
            tf.ones([out_channels // 2], dtype), name='log_scale_factor'
        )
        self.has_condition = condition_dim > 0
        if self.has_condition:
            random = seeds.generator(seed, 'condition')
            kernel = DIRECTION_STDDEV * random.standard_normal([condition_dim, hidden])
            self.condition_kernel = tf.Variable(tf.constant(kernel, dtype), name='condition_kernel')

    def __call__(
        self, x: tf.Tensor, condition: Condition | None = None, training: bool = False
    ) -> tf.Tensor:
        """Return shift and log-scale along the channels, `[batch, height, width, out_channels]`.

        Args:
            x: conditioning part, `[batch, height, width, in_channels]`.
            condition: `[batch, condition_dim]`; None for a network without one.
            training: whether batch norm uses the statistics of the batch.

        Raises:
            ValueError: if the condition is missing or has another shape.
        """
        run = self._up_to_norms(x, condition)
        h = next(run)
        for norm in self.norms:
            h = run.send(norm(h, training=training))
        shift, u = tf.split(self.last(tf.nn.relu(self.last_norm(h, training=training))), 2, axis=-1)
        return tf.concat([shift, self.log_scale_factor * tf.tanh(u)], axis=-1)

    def initialize(self, x: tf.Tensor, condition: Condition | None = None) -> None:
        """Set batch norm to the statistics of real images, and the last layer to zero.

        Args:
            x: conditioning part of images, `[batch, height, width, in_channels]`.
            condition: `[batch, condition_dim]`, or None.
        """
        batch, height, width, channels = validate.static_shape(
            'x', [*x.shape[:3], *self.last_norm.gamma.shape]
        )
        # All chunks of images advance together from one norm to the next.
        runs = [
            self._up_to_norms(x[span], rows_of(condition, span))
            for span in spans(batch, height * width * channels)
        ]
        values = [next(run) for run in runs]
        for norm in self.norms:
            norm.initialize(values)
            for index, run in enumerate(runs):
                values[index] = run.send(norm(values[index]))
        self.last_norm.initialize(values)
        self.last.length.assign(tf.zeros_like(self.last.length))
        self.last.bias.assign(tf.zeros_like(self.last.bias))

    def weight_scales(self) -> list[tf.Variable]:
        """Return the variables that Real NVP regularises: the lengths and the log-scale factors."""
        return [conv.length for conv in (self.first, *self.skips, *self.convs, self.last)] + [
            self.log_scale_factor
        ]

    def _up_to_norms(
        self, x: tf.Tensor, condition: Condition | None
    ) -> Generator[tf.Tensor, tf.Tensor, None]:
        """Yield the input of each norm, and receive the output of that norm by `send`.

        The input of the last norm is yielded at the end.
        """
        h = self.first(x)
        if self.has_condition:
            condition = check_condition(condition, x, self.condition_kernel.shape[0])
            h += tf.matmul(condition, self.condition_kernel)[:, tf.newaxis, tf.newaxis]
        total = self.skips[0](h)
        for block, skip in enumerate(self.skips[1:]):
            r = self.convs[2 * block](tf.nn.relu((yield h)))
            h += self.convs[2 * block + 1](tf.nn.relu((yield r)))
            total += skip(h)
        yield total
