"""The density of images p(x) and its evidence lower bound (Wolf, section 3)."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, Self

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.core import seeds, validate
from tfwolf.core.untracked import Untracked
from tfwolf.core.variables import CompleteVariables
from tfwolf.data import preprocess
from tfwolf.distributions.bits import bits_per_dim, dequantization_nats, standard_normal_log_prob
from tfwolf.models.dequantizer import Dequantizer, UniformDequantizer
from tfwolf.models.latent import Array, Inference, Latent
from tfwolf.models.terms import Noise, Terms


class ImageDensity(CompleteVariables, tf.Module):
    """p(x) = integral of p(z) N(f(x; z); 0, I) |det df/dx| dz with a bound by q(z|x).

    `Wolf` adds encoding, decoding and sampling; see there for the arguments.

    Attributes:
        image_shape: (height, width, channels).
        num_bits: bits per color value that the model sees.
        dtype: floating type of weights and computation.
        latent: the `Latent`.
        flow: the flow, a `FlowBijector`.
        dequantizer: the `Dequantizer`.
        initialized: boolean variable, whether data-dependent weights are initialized.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        num_bits: int,
        flow: Callable[..., FlowBijector],
        latent: Callable[..., Latent],
        seed: int = 0,
        dtype: tf.DType = tf.float32,
        dequantizer: Callable[..., Dequantizer] = UniformDequantizer,
    ) -> None:
        super().__init__(name='wolf')
        self._arguments = Untracked(
            {
                'image_shape': image_shape,
                'num_bits': num_bits,
                'flow': flow,
                'latent': latent,
                'seed': seed,
                'dtype': dtype,
                'dequantizer': dequantizer,
            }
        )
        if len(image_shape) != 3:
            raise ValueError(
                f'`image_shape` must be (height, width, channels); got image_shape={image_shape!r}.'
            )
        height, width, channels = image_shape
        self.image_shape: tuple[int, int, int] = (height, width, channels)
        self.num_bits: int = validate.num_bits(num_bits)
        self.dtype: tf.DType = tf.as_dtype(dtype)
        self.latent: Latent = latent(
            image_shape=self.image_shape, seed=seeds.derive(seed, 'latent'), dtype=self.dtype
        )
        self.flow: FlowBijector = self.flow_for(self.image_shape)
        self.dequantizer: Dequantizer = dequantizer(
            image_shape=self.image_shape, seed=seeds.derive(seed, 'dequantizer'), dtype=self.dtype
        )
        self.initialized = tf.Variable(tf.constant(False), trainable=False, name='initialized')

    def flow_for(self, image_shape: Sequence[int]) -> FlowBijector:
        """Return a flow like the model's for images of another shape, with its initial weights.

        Args:
            image_shape: (height, width, channels).
        """
        arguments = self._arguments.value
        return arguments['flow'](
            image_shape=image_shape,
            condition_dim=self.latent.dim,
            seed=seeds.derive(arguments['seed'], 'flow'),
            dtype=self.dtype,
        )

    def with_flow(self, **changes: Any) -> Self:
        """Return a new model with the same seed, whose flow factory has changed arguments."""
        arguments = self._arguments.value
        flow = functools.partial(arguments['flow'], **changes)
        return type(self)(**{**arguments, 'flow': flow})

    @property
    def trained_flows(self) -> list[FlowBijector]:
        """The flow, and that of a learned dequantizer: what is computed from an `Inference`."""
        return [flow for flow in (self.flow, self.dequantizer.trained_flow) if flow is not None]

    @property
    def num_dims(self) -> int:
        """height * width * channels of an image."""
        return math.prod(self.image_shape)

    def draw_noise(self, batch_size: int, seed: tf.Tensor) -> Noise:
        """Return the `Noise` for `batch_size` images; `seed` is a `[2]` tensor seed."""
        dequantization = self.dequantizer.noise(
            [batch_size, *self.image_shape], seeds.fold_in(seed, 0), self.dtype
        )
        return Noise(
            dequantization,
            seeds.normal([batch_size, self.latent.noise_dim], seeds.fold_in(seed, 1), self.dtype),
        )

    def terms(
        self, images: Array, noise: Noise, training: bool = False, labels: Array | None = None
    ) -> Terms:
        """Return the `Terms` of the bound, `[batch]` each, in nats.

        Args:
            images: uint8 `[batch, height, width, channels]`.
            noise: `Noise` for the same number of images.
            training: whether batch norm uses the statistics of the batch and updates its running
                averages, and the auxiliary training losses are computed.
            labels: integers `[batch]`; required if the model's z is a function of labels.

        Raises:
            ValueError: if the images have another shape or dtype, or required labels are missing.
            RuntimeError: if the model has not been initialized.
        """
        return self.terms_given(
            self.infer(images, noise, training, labels), images, noise, training
        )

    def infer(
        self, images: Array, noise: Noise, training: bool = False, labels: Array | None = None
    ) -> Inference:
        """Return the `Inference`, the part of the bound from the encoders and the prior.

        Arguments and errors are those of `terms`.
        """
        x = self.encoder_input(self._checked(images))
        inference = self.latent.infer(x, noise.posterior, labels, training)
        return inference._replace(features=self.dequantizer.features(x, training))

    def terms_given(
        self, inference: Inference, images: Array, noise: Noise, training: bool = False
    ) -> Terms:
        """Return the `Terms` of images with given z; computes the part of the bound from the flow.

        Args:
            inference: the `Inference` of the images.
            images, noise, training: as in `terms`.
        """
        x, dequantizer_nats = self.dequantized(inference, images, noise, training)
        forward = self.flow.forward_in_training if training else self.flow.forward_and_log_det
        return self.terms_of(inference, dequantizer_nats, *forward(x, inference.z), training)

    def terms_of(
        self,
        inference: Inference,
        dequantizer_nats: tf.Tensor,
        v: tf.Tensor,
        log_det: tf.Tensor,
        training: bool = False,
    ) -> Terms:
        """Return the `Terms` of images with given z, noise, v and log-determinant.

        Args:
            inference: the `Inference` of the images.
            dequantizer_nats: as from `dequantized`.
            v: `[batch, height, width, channels]`.
            log_det: `[batch]`, in nats.
            training: as in `terms`.
        """
        auxiliary = self.flow.auxiliary_losses(v, inference.z) if training else {}
        constant = tf.constant(dequantization_nats(self.num_dims, self.num_bits), self.dtype)
        return Terms(
            -(standard_normal_log_prob(v) + log_det),
            inference.kl_nats,
            tf.fill([tf.shape(v)[0]], constant),
            dequantizer_nats,
            inference.kl_per_dim_nats,
            {name: bits * (self.num_dims * math.log(2.0)) for name, bits in auxiliary.items()},
        )

    def bits_per_dim(self, images: Array, noise: Noise, labels: Array | None = None) -> tf.Tensor:
        """Return the bound in bits per dimension, `[batch]`."""
        return bits_per_dim(self.terms(images, noise, labels=labels).nll_nats, self.num_dims)

    def dequantized(
        self, inference: Inference, images: Array, noise: Noise, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the flow's input x in [-1, 1], and log q(u|x) of its noise u, `[batch]`, in nats.

        Arguments are those of `terms_given`.
        """
        u, log_prob_nats = self.dequantizer.draw(inference.features, noise.dequantization, training)
        return preprocess.to_unit_range(images, self.num_bits, u, self.dtype), log_prob_nats

    def flow_input(self, images: Array, noise: Noise) -> tf.Tensor:
        """Return the flow's input x in [-1, 1]: the images dequantized with the `Noise`."""
        features = self.dequantizer.features(self.encoder_input(images))
        u = self.dequantizer.draw(features, noise.dequantization).u
        return preprocess.to_unit_range(images, self.num_bits, u, self.dtype)

    def encoder_input(self, images: Array) -> tf.Tensor:
        """Return the encoder's input x in [-1, 1]: the lower edges of the images' bins."""
        return preprocess.to_unit_range(images, self.num_bits, 0.0, self.dtype)

    def bin_centers(self, images: Array) -> tf.Tensor:
        """Return the flow's input x in [-1, 1] in `encode`: the centers of the images' bins."""
        return preprocess.to_unit_range(images, self.num_bits, 0.5, self.dtype)

    def _checked(self, images: Array) -> tf.Tensor:
        images = preprocess.checked_images(images, self.image_shape)
        self._check_initialized()
        return images

    def _check_initialized(self) -> None:
        with tf.init_scope():
            if not self.initialized.numpy():
                raise RuntimeError(
                    'The model has not been initialized. Call `tfwolf.initialize(model, images, '
                    'seed)` or restore a checkpoint.'
                )
