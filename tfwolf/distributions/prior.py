"""Priors of z: the standard normal and a flow (Wolf, section 3.1 and appendix B)."""

from __future__ import annotations

from typing import Protocol

import tensorflow as tf

from tfwolf.bijectors.actnorm import ActNorm
from tfwolf.bijectors.chain import Chain
from tfwolf.bijectors.channel_split import ChannelSplit
from tfwolf.bijectors.coupling import Coupling
from tfwolf.bijectors.invertible_linear import InvertibleLinear, Matrix
from tfwolf.bijectors.matrix import FullMatrix
from tfwolf.bijectors.repeat import Repeat
from tfwolf.bijectors.transforms import Transform
from tfwolf.core import seeds, validate
from tfwolf.core.parts import register
from tfwolf.core.pinned_keras import keras
from tfwolf.core.variables import CompleteVariables
from tfwolf.distributions.bits import standard_normal_log_prob
from tfwolf.distributions.posterior import Posterior
from tfwolf.nets.coupling_nets import DenseCouplingNet


class Prior(Protocol):
    """A density p(z) with a map from standard normal noise to z."""

    def __call__(self, z: tf.Tensor) -> tf.Tensor:
        """Return log p(z), `[batch]`, in nats, for z `[batch, latent_dim]`."""
        ...

    def kl_nats(self, posterior: Posterior, z: tf.Tensor) -> tf.Tensor:
        """Return KL(q(z|x) || p(z)) or its estimate at z ~ q(z|x), `[batch]`, in nats."""
        ...

    def from_noise(self, noise: tf.Tensor) -> tf.Tensor:
        """Return z ~ p(z), `[batch, latent_dim]`, for standard normal noise of that shape."""
        ...

    def to_noise(self, z: tf.Tensor) -> tf.Tensor:
        """Return the noise of z, the inverse of `from_noise`, `[batch, latent_dim]`."""
        ...

    def initialize(self, z: tf.Tensor) -> None:
        """Initialize weights from draws of z, `[batch, latent_dim]`."""
        ...


@register
class NormalPrior(keras.Model):
    """p(z) = N(0, I), with the Kullback-Leibler divergence in closed form. It has no weights.

    Args:
        latent_dim: size of z.
        seed: not used; all priors have the same arguments.
        dtype: floating type.
    """

    def __init__(self, latent_dim: int, seed: int = 0, dtype: tf.DType = tf.float32) -> None:
        super().__init__(dtype=tf.as_dtype(dtype).name, name='normal_prior')
        validate.integer('latent_dim', latent_dim, minimum=1)

    def call(self, z: tf.Tensor) -> tf.Tensor:
        """Return log p(z), `[batch]`, in nats, for z `[batch, latent_dim]`."""
        return standard_normal_log_prob(z)

    def kl_nats(self, posterior: Posterior, z: tf.Tensor) -> tf.Tensor:
        """Return KL(q(z|x) || p(z)), `[batch]`, in nats; exact and independent of z."""
        return tf.reduce_sum(posterior.kl_to_standard_normal_nats(), axis=-1)

    def from_noise(self, noise: tf.Tensor) -> tf.Tensor:
        """Return z, which is the standard normal noise itself, `[batch, latent_dim]`."""
        return noise

    def to_noise(self, z: tf.Tensor) -> tf.Tensor:
        """Return the noise of z, which is z itself, `[batch, latent_dim]`."""
        return z

    def initialize(self, z: tf.Tensor) -> None:
        """Do nothing: there are no weights to initialize."""


@register
class FlowPrior(CompleteVariables, keras.Model):
    """p(z) = N(f(z); 0, I) |det df/dz| with a flow f of a few steps that maps z to noise.

    A step consists of actnorm, invertible linear map, couplings up and down on a continuous split,
    actnorm, and couplings up and down on an alternate split.

    Args:
        latent_dim: size of z, at least 2.
        num_steps: number of steps.
        hidden_features: width of the couplings' networks.
        transform: map of the couplings, a `BoundedAffine` or `Additive`.
        matrix: class of the linear maps' matrices, `FullMatrix` or `PLUMatrix`.
        seed: seed of the initial weights.
        dtype: floating type.
    """

    def __init__(
        self,
        latent_dim: int,
        num_steps: int,
        hidden_features: int,
        transform: Transform,
        matrix: Matrix = FullMatrix,
        seed: int = 0,
        dtype: tf.DType = tf.float32,
    ) -> None:
        super().__init__(dtype=tf.as_dtype(dtype).name, name='flow_prior')
        validate.integer('latent_dim', latent_dim, minimum=2)

        def step(seed: int) -> Chain:
            return _prior_step(latent_dim, hidden_features, transform, matrix, seed, dtype)

        self.flow = Chain([Repeat(step, num_steps, seed=seed)], name='prior_flow')

    def call(self, z: tf.Tensor) -> tf.Tensor:
        """Return log p(z), `[batch]`, in nats, for z `[batch, latent_dim]`."""
        noise, log_det = self.flow.forward_and_log_det(z)
        return standard_normal_log_prob(noise) + log_det

    def kl_nats(self, posterior: Posterior, z: tf.Tensor) -> tf.Tensor:
        """Return log q(z|x) - log p(z), `[batch]`, in nats.

        It is the one-sample estimate of KL(q(z|x) || p(z)) at z ~ q(z|x).
        """
        return posterior.log_prob(z) - self(z)

    def from_noise(self, noise: tf.Tensor) -> tf.Tensor:
        """Return z = f^-1(noise), `[batch, latent_dim]`, for standard normal noise."""
        return self.flow.inverse_and_log_det(noise)[0]

    def to_noise(self, z: tf.Tensor) -> tf.Tensor:
        """Return f(z), the noise of z, `[batch, latent_dim]`."""
        return self.flow.forward_and_log_det(z)[0]

    def initialize(self, z: tf.Tensor) -> None:
        """Initialize the actnorms from draws of z, `[batch, latent_dim]`."""
        self.flow.initialize_and_forward(z)


def _prior_step(
    latent_dim: int,
    hidden_features: int,
    transform: Transform,
    matrix: Matrix,
    seed: int,
    dtype: tf.DType,
) -> Chain:
    def coupling(alternate: bool, up: bool) -> Coupling:
        split = ChannelSplit(latent_dim, alternate=alternate, up=up)
        net = DenseCouplingNet(
            split.conditioning_channels,
            hidden_features,
            split.transformed_channels * transform.outputs_per_channel,
            seed=seeds.derive(seed, 'coupling', alternate, up),
            dtype=dtype,
        )
        return Coupling(split, net, transform, event_ndims=1, dtype=dtype)

    def actnorm(place: int) -> ActNorm:
        return ActNorm(
            latent_dim, event_ndims=1, seed=seeds.derive(seed, 'actnorm', place), dtype=dtype
        )

    linear = InvertibleLinear(
        latent_dim, seed=seeds.derive(seed, 'linear'), dtype=dtype, matrix=matrix
    )
    return Chain(
        [
            actnorm(0),
            linear,
            coupling(False, True),
            coupling(False, False),
            actnorm(1),
            coupling(True, True),
            coupling(True, False),
        ],
        name='prior_step',
    )
