"""The noise and the terms of one evaluation of the evidence lower bound."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf


class Noise(NamedTuple):
    """The random numbers for one evaluation of the bound.

    Attributes:
        dequantization: random numbers of the dequantizer, `[batch, height, width, channels]`:
            uniform in [0, 1), or standard normal for a `FlowDequantizer`.
        posterior: standard normal, `[batch, noise_dim]`, from which z is drawn; noise_dim is 0
            without z.
    """

    dequantization: tf.Tensor
    posterior: tf.Tensor


class Terms(NamedTuple):
    """The terms of the negative evidence lower bound of each image, in nats.

    Attributes:
        reconstruction_nats: -log p(x|z), `[batch]`; of continuous values in their own unit.
        kl_nats: log q(z|x) - log p(z) or its closed form, `[batch]`.
        dequantization_nats: D log(2^n / 2), `[batch]`; 0 for continuous values.
        dequantizer_nats: log q(u|x) of the noise u, `[batch]`; 0 for uniform or no noise.
        kl_per_dim_nats: KL of each dimension of q(z|x) to N(0, 1), `[batch, latent_dim]`, for
            diagnosis; None without a posterior.
        auxiliary_nats: additional training losses, `{name: [batch]}`; empty outside training and
            for most models.
    """

    reconstruction_nats: tf.Tensor
    kl_nats: tf.Tensor
    dequantization_nats: tf.Tensor
    dequantizer_nats: tf.Tensor
    kl_per_dim_nats: tf.Tensor | None
    auxiliary_nats: Mapping[str, tf.Tensor] = types.MappingProxyType({})

    @property
    def nll_nats(self) -> tf.Tensor:
        """The sum of the four terms, `[batch]`: an upper bound of -log p(image).

        Without z it is exact up to dequantization.
        """
        return (
            self.reconstruction_nats
            + self.kl_nats
            + self.dequantization_nats
            + self.dequantizer_nats
        )
