"""Convolutions and residual blocks of the encoder (Wolf, appendix B).

The padding is that of the reference implementation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfwolf.core import seeds, validate
from tfwolf.core.pinned_keras import keras
from tfwolf.nets.batch_norm import BatchNorm
from tfwolf.nets.precision import compute_type, conv2d


class Conv(keras.layers.Layer):
    """A convolution padded by `kernel_size // 2` on every side, also with stride 2.

    (With stride 2, TensorFlow's SAME pads one side more than the other.) Kernel and bias start in
    U(-1 / sqrt(fan_in), 1 / sqrt(fan_in)).

    Args:
        filters: number of output channels.
        kernel_size: side of the kernel, odd.
        strides: 1 or 2.
        use_bias: whether to add a bias.
        seed: seed of the initial weights.
        dtype: floating type of weights and result.
        compute_dtype: type of the convolution's computation; None for `dtype`.
        name: name of the layer.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        strides: int = 1,
        use_bias: bool = False,
        seed: int = 0,
        dtype: str = 'float32',
        compute_dtype: str | tf.DType | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(dtype=dtype, name=name)
        self._shape = (kernel_size, kernel_size, None, filters)
        self._strides = strides
        self._use_bias = use_bias
        self.compute_type = compute_type(compute_dtype, dtype)
        self._seed = seed

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Create the kernel, `[size, size, channels, filters]`, and the bias."""
        size, _, _, filters = self._shape
        (channels,) = validate.static_shape('input_shape', input_shape[-1:])
        shape = (size, size, channels, filters)
        bound = (size * size * channels) ** -0.5

        def initializer(purpose: str) -> keras.initializers.Initializer:
            return keras.initializers.RandomUniform(
                -bound, bound, seed=seeds.derive(self._seed, purpose) & 0x7FFFFFFF
            )

        self.kernel = self.add_weight(shape=shape, initializer=initializer('kernel'), name='kernel')
        if self._use_bias:
            self.bias = self.add_weight(
                shape=(filters,), initializer=initializer('bias'), name='bias'
            )

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Return `[batch, ceil(height / strides), ceil(width / strides), filters]`."""
        pad = self._shape[0] // 2
        if self._strides == 1:
            y = conv2d(x, self.kernel, self.compute_type)
        else:
            # `tf.pad`: on a CPU the gradients of a convolution with explicit padding are slow.
            x = tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]])
            y = conv2d(x, self.kernel, self.compute_type, self._strides, 'VALID')
        y = tf.cast(y, self.compute_dtype)
        return y + self.bias if self._use_bias else y


class ResidualBlock(keras.layers.Layer):
    """ELU(shortcut(x) + BN(conv3x3(ELU(BN(conv3x3(x)))))).

    The shortcut is BN(conv1x1(x)) if the shape changes, otherwise x.

    Args:
        in_channels: number of channels of x.
        channels: number of channels of the result.
        strides: 1, or 2 to halve height and width.
        seed: seed of the initial weights.
        dtype: floating type of weights, normalization and result.
        compute_dtype: type of the convolutions' computation; None for `dtype`.
        name: name of the block.

    Source: He et al., "Deep Residual Learning", 2016, arXiv:1512.03385, with ELU.
    """

    # Its convolutions; a subclass may have others with the same arguments.
    convolution: type = Conv

    def __init__(
        self,
        in_channels: int,
        channels: int,
        strides: int,
        seed: int = 0,
        dtype: str = 'float32',
        compute_dtype: str | tf.DType | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(dtype=dtype, name=name)

        def conv(kernel_size: int, strides: int, layer_name: str) -> keras.layers.Layer:
            return self.convolution(
                channels,
                kernel_size,
                strides,
                seed=seeds.derive(seed, layer_name),
                dtype=dtype,
                compute_dtype=compute_dtype,
                name=layer_name,
            )

        self.conv1, self.norm1 = conv(3, strides, 'conv1'), BatchNorm(dtype=dtype, name='norm1')
        self.conv2, self.norm2 = conv(3, 1, 'conv2'), BatchNorm(dtype=dtype, name='norm2')
        self.shortcut = self.shortcut_norm = None
        if strides != 1 or in_channels != channels:
            self.shortcut = conv(1, strides, 'shortcut')
            self.shortcut_norm = BatchNorm(dtype=dtype, name='shortcut_norm')

    def build(self, *_: Any) -> None:
        """Nothing: the layers build themselves. Without it, Keras traces the block first."""

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return `[batch, ceil(height / strides), ceil(width / strides), channels]`."""
        h = tf.nn.elu(self.norm1(self.conv1(x), training=training))
        h = self.norm2(self.conv2(h), training=training)
        if self.shortcut is not None and self.shortcut_norm is not None:
            x = self.shortcut_norm(self.shortcut(x), training=training)
        return tf.nn.elu(h + x)
