"""A learned Gaussian where the flow ends, for all images or for each class (Glow, section 3 and appendix D)."""
import math

import tensorflow as tf

from tfwolf import validate
from tfwolf.bijectors.base import FlowBijector, per_example


class TopPrior(FlowBijector):
    """y = (x - mean) exp(-log_sigma) per channel, with mean and log_sigma learned and, given a condition, a linear map of it.

    With y ~ N(0, I) this is x ~ N(mean, sigma) in every pixel. All weights start at zero, so the prior starts as N(0, I).

    Args:
        channels: channels of x.
        condition_dim: size of the condition, such as a one-hot label; 0 for the same prior for all.
        dtype: floating type.
    """

    def __init__(self, channels, condition_dim=0, dtype=tf.float32, name='top_prior'):
        super().__init__(event_ndims=3, dtype=dtype, name=name)
        validate.integer('channels', channels, minimum=1)
        self._condition_dim = validate.integer('condition_dim', condition_dim, minimum=0)
        self.mean = tf.Variable(tf.zeros([channels], dtype), name='mean')
        self.log_sigma = tf.Variable(tf.zeros([channels], dtype), name='log_sigma')
        if condition_dim:
            self.kernel = tf.Variable(tf.zeros([condition_dim, 2 * channels], dtype), name='kernel')

    def forward_and_log_det(self, x, condition=None):
        """Returns y, and -height width sum(log sigma), `[batch]` in nats."""
        mean, log_sigma = self._moments(condition)
        return (x - mean) * tf.exp(-log_sigma), self._log_det(x, log_sigma)

    def inverse_and_log_det(self, y, condition=None):
        """Returns x = mean + y sigma, and height width sum(log sigma)."""
        mean, log_sigma = self._moments(condition)
        return mean + y * tf.exp(log_sigma), -self._log_det(y, log_sigma)

    def forward_with_contributions(self, x, contributions, condition=None):
        """As `FlowBijector.forward_with_contributions`: every position of a channel contributes -log sigma."""
        mean, log_sigma = self._moments(condition)
        return (x - mean) * tf.exp(-log_sigma), contributions - log_sigma

    def _moments(self, condition):
        """Returns mean and log sigma, `[batch or 1, 1, 1, channels]`."""
        both = tf.concat([self.mean, self.log_sigma], axis=0)[tf.newaxis]
        if self._condition_dim:
            if condition is None or condition.shape[-1] != self._condition_dim:
                raise ValueError(f'`condition` must be [batch, {self._condition_dim}], one row per image; '
                                 f'got {None if condition is None else condition.shape}.')
            both += tf.matmul(condition, self.kernel)
        return tf.split(both[:, tf.newaxis, tf.newaxis], 2, axis=-1)

    def _log_det(self, x, log_sigma):
        total = -math.prod(x.shape[1:-1]) * tf.reduce_sum(log_sigma, axis=[1, 2, 3])
        return total if self._condition_dim else per_example(total[0], x)
