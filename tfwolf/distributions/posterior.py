"""The posterior q(z|x), a Gaussian with diagonal covariance (Wolf, section 3.1)."""

from __future__ import annotations

import math
from typing import NamedTuple

import tensorflow as tf


class Posterior(NamedTuple):
    """The diagonal Gaussian N(mean, exp(log_variance)) over z.

    Attributes:
        mean: `[batch, latent_dim]`.
        log_variance: `[batch, latent_dim]`, log sigma^2.
    """

    mean: tf.Tensor
    log_variance: tf.Tensor

    def from_noise(self, noise: tf.Tensor) -> tf.Tensor:
        """Return z = mean + exp(log_variance / 2) noise, `[batch, latent_dim]`.

        Args:
            noise: standard normal noise, `[batch, latent_dim]`.
        """
        return self.mean + tf.exp(0.5 * self.log_variance) * noise

    def log_prob(self, z: tf.Tensor) -> tf.Tensor:
        """Return log q(z|x), `[batch]`, in nats."""
        scaled = tf.square(z - self.mean) * tf.exp(-self.log_variance)
        return -0.5 * tf.reduce_sum(math.log(2 * math.pi) + self.log_variance + scaled, axis=-1)

    def kl_to_standard_normal_nats(self) -> tf.Tensor:
        """Return KL(q || N(0, 1)) of every dimension, `[batch, latent_dim]`, in nats.

        Reference: Kingma and Welling, "Auto-Encoding Variational Bayes", 2014, arXiv:1312.6114,
            appendix B.
        """
        return 0.5 * (tf.square(self.mean) + tf.exp(self.log_variance) - 1.0 - self.log_variance)
