"""What one evaluation of the bound needs and gives: noise, and the negative evidence lower bound
term by term.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf


class Noise(NamedTuple):
    """The random numbers that one evaluation of the bound needs.

    Attributes:
        dequantization: uniform in [0, 1), `[batch, height, width, channels]`.
        posterior: standard normal, `[batch, noise_dim]`, what the latent draws z with; noise_dim is
            0 without z.
    """

    dequantization: tf.Tensor
    posterior: tf.Tensor


class Terms(NamedTuple):
    """The negative evidence lower bound of each image, in nats, as named terms that add up to it.

    Attributes:
        reconstruction_nats: -log p(x|z), `[batch]`.
        kl_nats: log q(z|x) - log p(z) or its closed form, `[batch]`.
        dequantization_nats: D log(2^n / 2), `[batch]`.
        kl_per_dim_nats: diagnosis, KL of each dimension of q(z|x) to N(0, 1), `[batch,
            latent_dim]`; None without z.
        auxiliary_nats: `{name: [batch]}`, what training adds to the loss besides the bound; empty
            outside training and for most models.
    """

    reconstruction_nats: tf.Tensor
    kl_nats: tf.Tensor
    dequantization_nats: tf.Tensor
    kl_per_dim_nats: tf.Tensor | None
    auxiliary_nats: Mapping[str, tf.Tensor] = types.MappingProxyType({})

    @property
    def nll_nats(self) -> tf.Tensor:
        """The sum of the three terms, `[batch]`: an upper bound of -log p(image); exact up to
        dequantisation without z.
        """
        return self.reconstruction_nats + self.kl_nats + self.dequantization_nats
