"""Where the condition z of a flow comes from: an encoder and a prior, or nowhere."""
from typing import NamedTuple, Optional

import tensorflow as tf

from tfwolf import validate
from tfwolf.variables import CompleteVariables


class Inference(NamedTuple):
    """z of a batch of images and what it costs.

    Attributes:
        z: `[batch, latent_dim]`, or None without a latent.
        kl_nats: `[batch]`, log q(z|x) - log p(z) or its closed form.
        kl_per_dim_nats: `[batch, latent_dim]`, KL of each dimension of q(z|x) to N(0, 1), or None. A diagnosis: under a flow prior these
            do not add up to `kl_nats`.
    """

    z: Optional[tf.Tensor]
    kl_nats: tf.Tensor
    kl_per_dim_nats: Optional[tf.Tensor]


class GaussianLatent(CompleteVariables, tf.Module):
    """z ~ q(z|x) = N(mu(x), sigma(x)) with a learned or normal prior p(z): the encoder half of Wolf (section 3.1).

    Args:
        image_shape: (height, width, channels).
        latent_dim: size of z.
        encoder: makes the encoder, called with (image_shape, latent_dim, seed, dtype).
        prior: makes the prior, called with (latent_dim, seed, dtype).
        seed: seed of the initial weights.
        dtype: floating type.
    """

    def __init__(self, image_shape, latent_dim, encoder, prior, seed=0, dtype=tf.float32):
        super().__init__(name='gaussian_latent')
        self.dim = validate.integer('latent_dim', latent_dim, minimum=1)
        self.encoder = encoder(image_shape=image_shape, latent_dim=latent_dim, seed=seed, dtype=dtype)
        self.prior = prior(latent_dim=latent_dim, seed=seed, dtype=dtype)

    def infer(self, x, noise, training=False):
        """Returns the `Inference` of z for x `[batch, height, width, channels]` and standard normal noise `[batch, dim]`."""
        posterior = self.encoder(x, training=training)
        z = posterior.from_noise(noise)
        return Inference(z, self.prior.kl_nats(posterior, z), posterior.kl_to_standard_normal_nats())

    def posterior(self, x):
        """Returns q(z|x), a `Posterior`, for x `[batch, height, width, channels]`, in evaluation."""
        return self.encoder(x, training=False)

    def from_noise(self, noise):
        """Returns z ~ p(z), `[batch, dim]`, for standard normal noise of that shape."""
        return self.prior.from_noise(noise)

    def initialize(self, chunks, noise_chunks):
        """Initialises encoder and prior from data and returns z, `[batch, dim]`, for each chunk of images.

        Args:
            chunks: list of images in [-1, 1], `[batch, height, width, channels]`.
            noise_chunks: list of standard normal noise, `[batch, dim]`.
        """
        self.encoder.initialize(chunks)
        z = [self.encoder(x, training=True).from_noise(noise) for x, noise in zip(chunks, noise_chunks)]
        self.prior.initialize(tf.concat(z, axis=0))
        return z


class NoLatent(CompleteVariables, tf.Module):
    """No z: the flow alone, an exact likelihood (the refined Glow rows of the paper). Takes the arguments of every latent."""

    dim = 0

    def __init__(self, image_shape, seed=0, dtype=tf.float32):
        super().__init__(name='no_latent')

    def infer(self, x, noise, training=False):
        """Returns an `Inference` without z and with a divergence of zero, `[batch]`."""
        return Inference(None, tf.zeros([tf.shape(x)[0]], x.dtype), None)

    def posterior(self, x):
        """Returns None: there is no z."""

    def from_noise(self, noise):
        """Returns None: there is no z."""

    def initialize(self, chunks, noise_chunks):
        """Returns None for each chunk: there is nothing to initialise."""
        return [None] * len(chunks)
