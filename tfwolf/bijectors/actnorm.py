"""Activation normalisation: a scale and a shift per channel, initialised from data (Glow, section 3.1)."""
import math

import tensorflow as tf

from tfwolf import seeds, validate
from tfwolf.bijectors.base import FlowBijector, per_example
from tfwolf.nets.channel_norm import chunks_of, standardizing


class ActNorm(FlowBijector):
    """y = x exp(log_scale) + bias per channel; log|det| = height width sum(log_scale).

    After `initialize` on a batch, that batch's output has mean 0 and variance 1 in every channel. Before it log_scale ~ N(0, 0.05^2) and
    bias = 0.

    Args:
        channels: size of the last dimension of x.
        event_ndims: 3 for images `[height, width, channels]`, 1 for vectors `[channels]`.
        seed: seed of the initial weights.
        dtype: floating type.

    Reference: Kingma and Dhariwal, "Glow: Generative Flow with Invertible 1x1 Convolutions", 2018, arXiv:1807.03039.
    """

    def __init__(self, channels, event_ndims=3, seed=0, dtype=tf.float32, name='actnorm'):
        super().__init__(event_ndims=event_ndims, dtype=dtype, name=name)
        channels = validate.integer('channels', channels, minimum=1)
        initial = 0.05 * seeds.generator(seed, 'log_scale').standard_normal(channels)
        self.log_scale = tf.Variable(initial, dtype=dtype, name='log_scale')
        self.bias = tf.Variable(tf.zeros([channels], dtype), name='bias')

    def forward_and_log_det(self, x, condition=None):
        """Returns y = x exp(s) + b and h w sum s, `[batch]` in nats."""
        return x * tf.exp(self.log_scale) + self.bias, self._log_det(x)

    def inverse_and_log_det(self, y, condition=None):
        """Returns x = (y - b) exp(-s) and -h w sum s, `[batch]` in nats."""
        return (y - self.bias) * tf.exp(-self.log_scale), -self._log_det(y)

    def forward_with_contributions(self, x, contributions, condition=None):
        """As `FlowBijector.forward_with_contributions`: every position of a channel contributes its log-scale."""
        return self.forward_and_log_det(x)[0], contributions + self.log_scale

    def initialize(self, x, condition=None):
        """Sets scale and bias so that the output of x has mean 0 and variance 1 per channel.

        Args:
            x: `[batch, ..., channels]`. A channel that is constant in x keeps the scale 1.
        """
        log_scale, bias = standardizing(chunks_of(x), self.dtype)
        self.log_scale.assign(log_scale)
        self.bias.assign(bias)

    def _log_det(self, x):
        positions = math.prod(x.shape[1:-1])
        return per_example(positions * tf.reduce_sum(self.log_scale), x)
