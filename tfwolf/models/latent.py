"""The base class of latents: where the condition z of a flow comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfwolf.core.variables import CompleteVariables
from tfwolf.distributions.posterior import Posterior
from tfwolf.nets.condition import Condition, joined

Array = np.ndarray | tf.Tensor


class Inference(NamedTuple):
    """What the parts of a model outside of its flow compute from a batch of images.

    Attributes:
        z: `[batch, latent_dim]`, or None without a latent.
        kl_nats: log q(z|x) - log p(z) or its closed form, `[batch]`.
        kl_per_dim_nats: KL of each dimension of q(z|x) to N(0, 1), `[batch, latent_dim]`, or None;
            for diagnosis. With a flow prior their sum is not `kl_nats`.
        features: features that a learned dequantizer depends on, `[batch, height, width,
            channels]`, or None.
        condition_image: embedded image of an `ImageCondition`, `[batch, height, width, channels]`,
            or None. No weights lie before it.
    """

    z: tf.Tensor | None
    kl_nats: tf.Tensor
    kl_per_dim_nats: tf.Tensor | None
    features: tf.Tensor | None = None
    condition_image: tf.Tensor | None = None

    @property
    def condition(self) -> Condition | None:
        """What the flow is conditioned on: z, the condition's image, both, or None."""
        return joined(self.z, self.condition_image)

    @property
    def trained(self) -> list[tf.Tensor]:
        """The tensors that the rest of the bound depends on through weights: z and features."""
        return [tensor for tensor in (self.z, self.features) if tensor is not None]


class Latent(CompleteVariables, tf.Module):
    """The source of z: an encoder and a prior, a class label, or none.

    A subclass is constructed with (image_shape, seed, dtype) and its own arguments.

    Attributes:
        has_z: whether the model has a z.
        has_posterior: whether z is drawn from q(z|x).
        needs_labels: whether z is a function of class labels.
        num_classes: number of class labels, or None.
        dim: size of z; 0 without z.
        noise_dim: size of the standard normal noise from which z is drawn.
    """

    has_z: bool = True
    has_posterior: bool = False
    needs_labels: bool = False
    num_classes: int | None = None
    dim: int
    noise_dim: int

    def infer(
        self, x: tf.Tensor, noise: tf.Tensor, labels: Array | None = None, training: bool = False
    ) -> Inference:
        """Return the `Inference` of z.

        Args:
            x: images in [-1, 1], `[batch, height, width, channels]`.
            noise: standard normal noise, `[batch, noise_dim]`.
            labels: integers `[batch]`; required if `needs_labels`.
            training: whether batch norm uses the statistics of the batch.
        """
        raise NotImplementedError

    def encode(self, x: tf.Tensor | None, labels: Array | None = None) -> tf.Tensor | None:
        """Return the mean of q(z|x), or the z of the labels, `[batch, dim]`; None without z."""
        raise NotImplementedError

    def posterior(self, x: tf.Tensor) -> Posterior:
        """Return q(z|x) for x `[batch, height, width, channels]`.

        Raises:
            ValueError: if the latent has no posterior.
        """
        raise ValueError(
            'The posterior needs a model with an encoder (GaussianLatent); got '
            f'{type(self).__name__}.'
        )

    def from_noise(self, noise: tf.Tensor) -> tf.Tensor | None:
        """Return z ~ p(z), `[batch, dim]`, for standard normal noise `[batch, noise_dim]`."""
        raise NotImplementedError

    def to_noise(self, z: tf.Tensor) -> tf.Tensor:
        """Return the noise of z, the inverse of `from_noise`.

        Raises:
            ValueError: if z is not an invertible function of noise.
        """
        raise ValueError(
            'The noise of z needs a model with a prior of z (GaussianLatent); got '
            f'{type(self).__name__}.'
        )

    def labels_from_noise(self, noise: tf.Tensor) -> tf.Tensor:
        """Return uniformly drawn labels, int64 `[batch]`, for noise `[batch, noise_dim]`.

        Raises:
            ValueError: if z is not a function of class labels.
        """
        raise ValueError(
            'Labels need a model whose z comes from class labels (ClassLatent or LabelCondition); '
            f'got {type(self).__name__}.'
        )

    def initialize(
        self,
        chunks: Sequence[tf.Tensor],
        noise_chunks: Sequence[tf.Tensor],
        label_chunks: Sequence[Array | None],
    ) -> Sequence[tf.Tensor | None]:
        """Initialize weights from data and return z, `[batch, dim]`, for each chunk of images.

        Args:
            chunks: list of images in [-1, 1], `[batch, height, width, channels]`.
            noise_chunks: list of standard normal noise, `[batch, noise_dim]`.
            label_chunks: list of integers `[batch]`, or of None.
        """
        raise NotImplementedError
