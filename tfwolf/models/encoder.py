"""The encoder, a residual network from images to the parameters of q(z|x) (Wolf, appendix B)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import tensorflow as tf

from tfwolf.core import seeds, validate
from tfwolf.core.freeze import derived
from tfwolf.core.parts import register
from tfwolf.core.pinned_keras import keras
from tfwolf.distributions.posterior import Posterior
from tfwolf.nets.residual import Conv, ResidualBlock
from tfwolf.nets.residual_stack import ResidualStack, checked_widths
from tfwolf.nets.weight_norm import DIRECTION_STDDEV, weight_norm

# Standard deviation of the last layer's output after initialization; zero in the paper.
INITIAL_OUTPUT_STDDEV = 0.01


class EncoderNetwork(Protocol):
    """The interface of the encoder of a `GaussianLatent`.

    It is constructed with (image_shape, latent_dim, seed, dtype).
    """

    def __call__(self, x: tf.Tensor, training: bool = False) -> Posterior:
        """Return q(z|x) for x `[batch, height, width, channels]` in [-1, 1]."""
        ...

    def initialize(self, chunks: Sequence[tf.Tensor]) -> None:
        """Initialize weights from images so that q(z|x) starts close to N(0, I).

        Args:
            chunks: images in [-1, 1], each chunk `[batch, height, width, channels]`.
        """
        ...


class _PosteriorLayer(keras.layers.Layer):
    """A weight-normalized dense layer to `[mean, log_variance]`."""

    def __init__(self, latent_dim: int, seed: int, dtype: str) -> None:
        super().__init__(dtype=dtype, name='posterior')
        self._latent_dim = latent_dim
        self._seed = seed

    def build(self, input_shape: Sequence[int | None]) -> None:
        shape = (input_shape[-1], 2 * self._latent_dim)
        normal = keras.initializers.RandomNormal(
            0.0, DIRECTION_STDDEV, seed=self._seed & 0x7FFFFFFF
        )
        self.direction = self.add_weight(shape=shape, initializer=normal, name='direction')
        self.length = self.add_weight(shape=shape[1:], initializer='ones', name='length')
        self.bias = self.add_weight(shape=shape[1:], initializer='zeros', name='bias')

    def call(self, features: tf.Tensor) -> tf.Tensor:
        return tf.matmul(features, self.kernel) + self.bias

    @derived('direction', 'length')
    def kernel(self) -> tf.Tensor:
        return weight_norm(tf.convert_to_tensor(self.direction), tf.convert_to_tensor(self.length))

    def initialize(self, outputs: tf.Tensor) -> None:
        """Rescale the weights so that outputs have mean 0 and a small standard deviation.

        Args:
            outputs: outputs before rescaling, `[batch, 2 latent_dim]`.
        """
        mean, variance = tf.nn.moments(outputs, axes=[0])
        scale = INITIAL_OUTPUT_STDDEV * tf.math.rsqrt(
            tf.maximum(variance, tf.constant(1e-12, variance.dtype))
        )
        self.length.assign(self.length * scale)
        self.bias.assign((self.bias - mean) * scale)


@register
class Encoder(ResidualStack):
    """A residual network from x to q(z|x).

    Each level has two residual blocks, of strides 1 and 2. They are followed by a 1x1 convolution,
    ELU, flattening and a dense layer.

    Args:
        image_shape: (height, width, channels) of x.
        latent_dim: size of z.
        widths: channels of each level; each level halves height and width (rounding up).
        out_channels: channels of the 1x1 convolution before the dense layer.
        seed: seed of the initial weights.
        dtype: floating type of weights and posterior.
        compute_dtype: type in which the blocks' convolutions are computed, such as 'bfloat16'; None
            for `dtype`.

    Raises:
        ValueError: if a size is not a positive integer.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        latent_dim: int,
        widths: Sequence[int],
        out_channels: int,
        seed: int = 0,
        dtype: tf.DType = tf.float32,
        compute_dtype: str | tf.DType | None = None,
    ) -> None:
        type_name = tf.as_dtype(dtype).name
        super().__init__(dtype=type_name, name='encoder')
        validate.integer('latent_dim', latent_dim, minimum=1)
        validate.integer('out_channels', out_channels, minimum=1)
        channels = image_shape[-1]
        for level, level_channels in enumerate(checked_widths(widths)):
            for place, strides in enumerate((1, 2)):
                self._add_block(
                    ResidualBlock(
                        channels,
                        level_channels,
                        strides,
                        seed=seeds.derive(seed, level, strides),
                        dtype=type_name,
                        compute_dtype=compute_dtype,
                        name=f'level{level}_block{place}',
                    )
                )
                channels = level_channels
        self.top = Conv(
            out_channels,
            1,
            use_bias=True,
            seed=seeds.derive(seed, 'top'),
            dtype=type_name,
            name='top',
        )
        self.posterior = _PosteriorLayer(latent_dim, seeds.derive(seed, 'posterior'), type_name)
        self(tf.zeros([1, *image_shape], type_name))

    def call(self, x: tf.Tensor, training: bool = False) -> Posterior:
        """Return the `Posterior` of images.

        Args:
            x: `[batch, height, width, channels]` in [-1, 1].
            training: whether batch norm uses the statistics of the batch.
        """
        return Posterior(*tf.split(self._outputs(x, training), 2, axis=-1))

    def initialize(self, chunks: Sequence[tf.Tensor]) -> None:
        """Scale the last layer so that q(z|x) starts close to N(0, I).

        Args:
            chunks: images in [-1, 1], a list of `[batch, height, width, channels]`; batch norm
                processes each chunk separately.
        """
        self.posterior.initialize(
            tf.concat([self._outputs(chunk, training=True) for chunk in chunks], axis=0)
        )

    def _outputs(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        features = tf.nn.elu(self.top(self._through_blocks(x, training)))
        return self.posterior(
            tf.reshape(features, [-1, features.shape[1] * features.shape[2] * features.shape[3]])
        )
