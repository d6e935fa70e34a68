"""Transposed convolutions and the residual blocks made of them, which double height and width.

The padding is that of the reference implementation.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfwolf.core import seeds, validate
from tfwolf.core.pinned_keras import keras
from tfwolf.nets.precision import compute_type
from tfwolf.nets.residual import ResidualBlock


class TransposedConv(keras.layers.Layer):
    """The transpose of a convolution that is padded by `kernel_size // 2` on every side.

    y[s i - p + a, s j - p + b] is the sum of x[i, j] W[a, b], for the stride s and p = kernel_size
    // 2. Height and width are s times those of x. There is no bias. The kernel starts in
    U(-1 / sqrt(n), 1 / sqrt(n)) with n = kernel_size^2 filters.

    Args:
        filters: number of output channels.
        kernel_size: side of the kernel, 1 or 3.
        strides: 1 or 2.
        seed: seed of the initial weights.
        dtype: floating type of weights and result.
        compute_dtype: type of the computation; None for `dtype`.
        name: name of the layer.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        strides: int = 1,
        seed: int = 0,
        dtype: str = 'float32',
        compute_dtype: str | tf.DType | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(dtype=dtype, name=name)
        self._size, self._filters, self._strides = kernel_size, filters, strides
        self.compute_type = compute_type(compute_dtype, dtype)
        self._seed = seed

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Create the kernel, `[size, size, filters, channels]`."""
        (channels,) = validate.static_shape('input_shape', input_shape[-1:])
        bound = (self._size**2 * self._filters) ** -0.5
        self.kernel = self.add_weight(
            shape=(self._size, self._size, self._filters, channels),
            initializer=keras.initializers.RandomUniform(
                -bound, bound, seed=seeds.derive(self._seed, 'kernel') & 0x7FFFFFFF
            ),
            name='kernel',
        )

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Return `[batch, strides height, strides width, filters]`."""
        x, kernel = tf.cast(x, self.compute_type), tf.cast(self.kernel, self.compute_type)
        pad, strides = self._size // 2, self._strides
        height, width = validate.static_shape('x', x.shape[1:3])
        # Positions before the first and after the last pixel, which the padding cuts off.
        full = [strides * (side - 1) + self._size for side in (height, width)]
        shape = tf.stack([tf.shape(x)[0], *full, self._filters])
        y = tf.nn.conv2d_transpose(x, kernel, shape, strides, 'VALID')
        missing = [max(0, strides * side + pad - size) for side, size in zip((height, width), full)]
        y = tf.pad(y, [[0, 0], [0, missing[0]], [0, missing[1]], [0, 0]])
        y = y[:, pad : pad + strides * height, pad : pad + strides * width]
        return tf.cast(y, self.compute_dtype)


class TransposedResidualBlock(ResidualBlock):
    """ELU(shortcut(x) + BN(deconv3x3(ELU(BN(deconv3x3(x)))))), with transposed convolutions.

    The shortcut is BN(deconv1x1(x)) if the shape changes, otherwise x. With stride 2, which doubles
    height and width, deconv1x1 sets one of four pixels, and the others to zero.

    Arguments are those of `ResidualBlock`. The result is `[batch, strides height, strides width,
    channels]`.
    """

    convolution = TransposedConv
