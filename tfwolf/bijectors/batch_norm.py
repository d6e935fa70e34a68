"""Batch normalization as a layer of a flow (Real NVP, section 3.7 and appendix E)."""

from __future__ import annotations

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.log_det_terms import Terms
from tfwolf.core import validate
from tfwolf.nets.batch_norm import global_moments
from tfwolf.nets.channel_norm import channel_moments, chunks_of
from tfwolf.nets.condition import Condition


class BatchNormFlow(FlowBijector):
    """y = (x - mean) / sqrt(variance + epsilon) per channel.

    log|det| = -height width / 2 sum log(variance + epsilon).

    In evaluation, mean and variance are the running averages, and the layer is exactly invertible.
    In training (`forward_in_training`) they are the statistics of the global batch over all
    replicas. With `lag` they are a weighted average of the running averages and the batch
    statistics, and gradients flow only through the batch statistics. The log-determinant treats
    the statistics as constants: it is that of the map applied to this batch.

    Args:
        channels: size of the last dimension of x.
        momentum: rho, the weight of the old running averages in each update.
        lag: whether training uses the updated running averages instead of the batch statistics
            (appendix E).
        epsilon: added to the variance.
        dtype: floating type.

    Reference: Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", 2017,
        arXiv:1605.08803, equations 17-21.
    """

    normalizes_over_batch = True

    def __init__(
        self,
        channels: int,
        momentum: float = 0.9,
        lag: bool = False,
        epsilon: float = 1e-5,
        dtype: tf.DType = tf.float32,
        name: str = 'batch_norm',
    ) -> None:
        super().__init__(event_ndims=3, dtype=dtype, name=name)
        validate.integer('channels', channels, minimum=1)
        self._momentum = validate.real('momentum', momentum, minimum=0, below=1)
        self._epsilon = validate.real('epsilon', epsilon, above=0)
        self._lag = lag

        def statistic(initial: float, name: str) -> tf.Variable:
            # Every replica computes the same statistics, so one copy is the average.
            return tf.Variable(
                tf.fill([channels], tf.constant(initial, dtype)),
                trainable=False,
                name=name,
                aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
            )

        self.running_mean = statistic(0.0, 'running_mean')
        self.running_variance = statistic(1.0, 'running_variance')

    def _forward_terms(
        self, x: tf.Tensor, condition: Condition | None, training: bool
    ) -> tuple[tf.Tensor, Terms]:
        if training:
            mean, variance = self._update_statistics(x)
        else:
            mean, variance = (
                tf.convert_to_tensor(self.running_mean),
                tf.convert_to_tensor(self.running_variance),
            )
        variance += self._epsilon
        return (x - mean) * tf.math.rsqrt(variance), -0.5 * tf.math.log(variance)

    def _inverse_terms(self, y: tf.Tensor, condition: Condition | None) -> tuple[tf.Tensor, Terms]:
        variance = tf.convert_to_tensor(self.running_variance) + self._epsilon
        return y * tf.sqrt(variance) + self.running_mean, 0.5 * tf.math.log(variance)

    def initialize(self, x: tf.Tensor, condition: Condition | None = None) -> None:
        """Set the running averages to the statistics of a batch of real images.

        Args:
            x: `[batch, height, width, channels]`.
            condition: not used.
        """
        mean, variance, _ = channel_moments(chunks_of(x))
        self.running_mean.assign(tf.constant(mean, self.dtype))
        self.running_variance.assign(tf.constant(variance, self.dtype))

    def _update_statistics(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Update the running averages; return mean and variance `[channels]` for training."""
        mean, variance, _ = global_moments(x)
        rho = self._momentum
        lagged_mean, lagged_variance = (
            rho * tf.stop_gradient(tf.convert_to_tensor(running)) + (1 - rho) * new
            for running, new in ((self.running_mean, mean), (self.running_variance, variance))
        )
        finite = tf.reduce_all(tf.math.is_finite(mean) & tf.math.is_finite(variance))
        for running, new in (
            (self.running_mean, lagged_mean),
            (self.running_variance, lagged_variance),
        ):
            # Skip the update if the batch is not finite.
            running.assign(tf.where(finite, tf.stop_gradient(new), running))
        return (lagged_mean, lagged_variance) if self._lag else (mean, variance)
