"""A Gaussian latent z with an encoder and a prior (Wolf, section 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from tfwolf.core import validate
from tfwolf.core.parts import register
from tfwolf.core.untracked import Untracked
from tfwolf.distributions.posterior import Posterior
from tfwolf.distributions.prior import Prior
from tfwolf.models.compiled_encoder import CompiledEncoder
from tfwolf.models.encoder import EncoderNetwork
from tfwolf.models.latent import Array, Inference, Latent


@register
class GaussianLatent(Latent):
    """z ~ q(z|x) = N(mu(x), sigma(x)) with a normal or learned prior p(z).

    Args:
        image_shape: (height, width, channels).
        latent_dim: size of z.
        encoder: factory of the `EncoderNetwork`, called with (image_shape, latent_dim, seed,
            dtype).
        prior: factory of the `Prior`, called with (latent_dim, seed, dtype).
        seed: seed of the initial weights.
        dtype: floating type.

    Reference: Ma et al., "Decoupling Global and Local Representations via Invertible Generative
        Flows", 2021, arXiv:2004.11820, section 3.1.
    """

    has_posterior: bool = True

    def __init__(
        self,
        image_shape: Sequence[int],
        latent_dim: int,
        encoder: Callable[..., EncoderNetwork],
        prior: Callable[..., Prior],
        seed: int = 0,
        dtype: tf.DType = tf.float32,
    ) -> None:
        super().__init__(name='gaussian_latent')
        self.dim = validate.integer('latent_dim', latent_dim, minimum=1)
        self.noise_dim = self.dim
        self.encoder = encoder(
            image_shape=image_shape, latent_dim=latent_dim, seed=seed, dtype=dtype
        )
        self._compiled = Untracked(CompiledEncoder(self.encoder))
        self.prior = prior(latent_dim=latent_dim, seed=seed, dtype=dtype)

    def infer(
        self, x: tf.Tensor, noise: tf.Tensor, labels: Array | None = None, training: bool = False
    ) -> Inference:
        """Return the `Inference` of z = mean + sigma noise; see `Latent.infer`."""
        posterior = self._compiled.value(x, training)
        z = posterior.from_noise(noise)
        return Inference(
            z, self.prior.kl_nats(posterior, z), posterior.kl_to_standard_normal_nats()
        )

    def posterior(self, x: tf.Tensor) -> Posterior:
        """Return q(z|x) in evaluation mode for x `[batch, height, width, channels]`."""
        return self._compiled.value(x, training=False)

    def encode(self, x: tf.Tensor, labels: Array | None = None) -> tf.Tensor:
        """Return the mean of q(z|x), `[batch, dim]`."""
        return self.posterior(x).mean

    def from_noise(self, noise: tf.Tensor) -> tf.Tensor:
        """Return z ~ p(z), `[batch, dim]`, for standard normal noise of that shape."""
        return self.prior.from_noise(noise)

    def to_noise(self, z: tf.Tensor) -> tf.Tensor:
        """Return the noise of z, the inverse of `from_noise`, `[batch, dim]`."""
        return self.prior.to_noise(z)

    def initialize(
        self,
        chunks: Sequence[tf.Tensor],
        noise_chunks: Sequence[tf.Tensor],
        label_chunks: Sequence[Array | None],
    ) -> list[tf.Tensor]:
        """Initialize encoder and prior from data and return z for each chunk.

        Arguments are those of `Latent.initialize`; the labels are not used.
        """
        self.encoder.initialize(chunks)
        z = [
            self.encoder(x, training=True).from_noise(noise)
            for x, noise in zip(chunks, noise_chunks)
        ]
        self.prior.initialize(tf.concat(z, axis=0))
        return z
