"""Batch normalization with statistics of all replicas and an unbiased running variance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import tensorflow as tf

from tfwolf.core.pinned_keras import keras
from tfwolf.core.replicas import sum_over_replicas
from tfwolf.nets.channel_norm import channel_moments

EPSILON = 1e-5
MOMENTUM = 0.1


class BatchNorm(keras.layers.Layer):
    """y = (x - mean) / sqrt(variance + 1e-5) * gamma + beta per channel.

    In training, mean and variance are those of the global batch over all replicas, and the running
    averages move towards them with the rate 0.1. The running variance moves towards the unbiased
    variance, n / (n - 1) times that of the batch, where n counts the values of all replicas. (The
    layer of Keras uses the biased variance.) In evaluation the running averages are used.
    Statistics that are not finite are not added to the running averages.

    Source: Ioffe and Szegedy, "Batch Normalization", 2015, arXiv:1502.03167; Wolf, appendix B.
    """

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Create gamma, beta and the running mean and variance, `[channels]` each."""
        shape = (input_shape[-1],)
        self.gamma = self.add_weight(shape=shape, initializer='ones', name='gamma')
        self.beta = self.add_weight(shape=shape, initializer='zeros', name='beta')
        # All replicas compute the same statistics, so every copy is their average.
        self.running_mean = self.add_weight(
            shape=shape,
            initializer='zeros',
            trainable=False,
            name='running_mean',
            aggregation='only_first_replica',
        )
        self.running_variance = self.add_weight(
            shape=shape,
            initializer='ones',
            trainable=False,
            name='running_variance',
            aggregation='only_first_replica',
        )

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return y for x `[batch, height, width, channels]`."""
        if training:
            mean, variance, count = global_moments(x)
            self._move_averages(
                tf.stop_gradient(mean),
                tf.stop_gradient(variance * count / tf.maximum(count - 1, 1)),
            )
        else:
            mean, variance = (
                tf.convert_to_tensor(self.running_mean),
                tf.convert_to_tensor(self.running_variance),
            )
        scale = self.gamma * tf.math.rsqrt(variance + EPSILON)
        return x * scale + (self.beta - mean * scale)

    def initialize(self, chunks: Iterable[tf.Tensor]) -> None:
        """Set the running averages to the statistics of images on one device.

        Args:
            chunks: tensors `[batch, height, width, channels]`.
        """
        mean, variance, count = channel_moments(chunks)
        self.running_mean.assign(mean.astype(self.running_mean.dtype))
        self.running_variance.assign(
            (variance * count / max(count - 1, 1)).astype(self.running_variance.dtype)
        )

    def _move_averages(self, mean: tf.Tensor, variance: tf.Tensor) -> None:
        finite = tf.reduce_all(tf.math.is_finite(mean) & tf.math.is_finite(variance))
        rate = tf.where(finite, tf.constant(MOMENTUM, mean.dtype), 0)
        for running, new in ((self.running_mean, mean), (self.running_variance, variance)):
            running.assign(running + rate * (tf.where(finite, new, 0) - running))


def global_moments(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return mean, biased variance and number of values per channel of x over all replicas.

    Mean and variance are `[channels]`, the number of values is a scalar of x's type.
    """
    axes = [0, 1, 2]
    count = tf.cast(tf.reduce_prod(tf.shape(x)[:-1]), x.dtype)
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        mean, variance = tf.nn.moments(x, axes)
        return mean, variance, count
    total, count = sum_over_replicas([tf.reduce_sum(x, axes), count])
    mean = total / count
    # A second pass over the deviations: sums of squares are inexact in float32.
    squares = sum_over_replicas(tf.reduce_sum(tf.math.squared_difference(x, mean), axes))
    return mean, squares / count, count
