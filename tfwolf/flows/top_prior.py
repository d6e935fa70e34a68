"""A learned Gaussian prior at the end of a flow, global or per class (Glow, appendix D)."""

from __future__ import annotations

import tensorflow as tf

from tfwolf.bijectors.standardization import Standardization
from tfwolf.core import validate
from tfwolf.nets.condition import Condition, check_condition


class TopPrior(Standardization):
    """y = (x - mean) exp(-log_sigma) per channel, with learned mean and log_sigma.

    With a condition, mean and log_sigma are linear in it. If y ~ N(0, I), then x ~ N(mean, sigma)
    in every pixel. All weights start at zero, so the initial prior is N(0, I).

    Args:
        channels: channels of x.
        condition_dim: size of the condition, such as a one-hot label; 0 for an unconditional prior.
        dtype: floating type.
    """

    def __init__(
        self,
        channels: int,
        condition_dim: int = 0,
        dtype: tf.DType = tf.float32,
        name: str = 'top_prior',
    ) -> None:
        super().__init__(event_ndims=3, dtype=dtype, name=name)
        validate.integer('channels', channels, minimum=1)
        self._condition_dim = validate.integer('condition_dim', condition_dim, minimum=0)
        self.mean = tf.Variable(tf.zeros([channels], dtype), name='mean')
        self.log_sigma = tf.Variable(tf.zeros([channels], dtype), name='log_sigma')
        if condition_dim:
            self.kernel = tf.Variable(tf.zeros([condition_dim, 2 * channels], dtype), name='kernel')

    def _moments(self, x: tf.Tensor, condition: Condition | None) -> tuple[tf.Tensor, tf.Tensor]:
        """Return mean and log sigma, `[channels]`, or `[batch, 1, 1, channels]` if conditional."""
        if not self._condition_dim:
            return tf.convert_to_tensor(self.mean), tf.convert_to_tensor(self.log_sigma)
        condition = check_condition(condition, x, self._condition_dim)
        both = tf.concat([self.mean, self.log_sigma], axis=0)[tf.newaxis] + tf.matmul(
            condition, self.kernel
        )
        mean, log_sigma = tf.split(both[:, tf.newaxis, tf.newaxis], 2, axis=-1)
        return mean, log_sigma
