"""Activation normalization: a data-initialized scale and shift per channel (Glow, section 3.1)."""

from __future__ import annotations

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.log_det_terms import Terms
from tfwolf.core import seeds, validate
from tfwolf.nets.channel_norm import chunks_of, standardizing
from tfwolf.nets.condition import Condition


class ActNorm(FlowBijector):
    """y = x exp(log_scale) + bias per channel; log|det| = height width sum(log_scale).

    After `initialize` on a batch, the output for that batch has mean 0 and variance 1 in every
    channel. Without `initialize`, log_scale ~ N(0, 0.05^2) and bias = 0.

    Args:
        channels: size of the last dimension of x.
        event_ndims: 3 for images `[height, width, channels]`, 1 for vectors `[channels]`.
        seed: seed of the initial weights.
        dtype: floating type.

    Reference: Kingma and Dhariwal, "Glow: Generative Flow with Invertible 1x1 Convolutions", 2018,
        arXiv:1807.03039.

    >>> actnorm = tfwolf.ActNorm(3)
    >>> x = tf.constant(np.random.default_rng(0).normal(5, 2, size=[8, 4, 4, 3]), tf.float32)
    >>> actnorm.initialize(x)
    >>> y = actnorm.forward(x).numpy()
    >>> bool(np.abs(y.mean((0, 1, 2))).max() < 1e-5)
    True
    >>> bool(np.abs(y.var((0, 1, 2)) - 1).max() < 1e-4)
    True
    """

    def __init__(
        self,
        channels: int,
        event_ndims: int = 3,
        seed: int = 0,
        dtype: tf.DType = tf.float32,
        name: str = 'actnorm',
    ) -> None:
        super().__init__(event_ndims=event_ndims, dtype=dtype, name=name)
        channels = validate.integer('channels', channels, minimum=1)
        initial = 0.05 * seeds.generator(seed, 'log_scale').standard_normal(channels)
        self.log_scale = tf.Variable(tf.constant(initial, dtype), name='log_scale')
        self.bias = tf.Variable(tf.zeros([channels], dtype), name='bias')

    def _forward_terms(
        self, x: tf.Tensor, condition: Condition | None, training: bool
    ) -> tuple[tf.Tensor, Terms]:
        with tf.name_scope('actnorm'):
            return x * tf.exp(self.log_scale) + self.bias, self.log_scale

    def _inverse_terms(self, y: tf.Tensor, condition: Condition | None) -> tuple[tf.Tensor, Terms]:
        return (y - self.bias) * tf.exp(-self.log_scale), -self.log_scale

    def initialize(self, x: tf.Tensor, condition: Condition | None = None) -> None:
        """Set scale and bias so that the output for x has mean 0 and variance 1 per channel.

        Args:
            x: `[batch, ..., channels]`. A channel that is constant in x keeps the scale 1.
            condition: not used.
        """
        log_scale, bias = standardizing(chunks_of(x), self.dtype)
        self.log_scale.assign(log_scale)
        self.bias.assign(bias)
