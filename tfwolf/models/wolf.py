"""Wolf: an encoder, a prior of z and a flow conditioned on z, joined to a density of images (Wolf,
section 3).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.core import image_noise, seeds, validate
from tfwolf.core.parts import register
from tfwolf.core.untracked import Untracked
from tfwolf.core.variables import CompleteVariables
from tfwolf.data import preprocess
from tfwolf.distributions.bits import bits_per_dim, dequantization_nats, standard_normal_log_prob
from tfwolf.distributions.posterior import Posterior
from tfwolf.models import generation
from tfwolf.models.generation import Array, Temperature
from tfwolf.models.latents import Inference, Latent
from tfwolf.models.terms import Noise, Terms


@register
class Wolf(CompleteVariables, tf.Module):
    """p(x) = integral of p(z) N(f(x; z); 0, I) |det df/dx| dz, with q(z|x) for the bound. With
    `NoLatent` the flow alone.

    Images are uint8 `[batch, height, width, channels]`; v has their shape, z is `[batch,
    latent_dim]` (None without a latent). Methods take tensors and NumPy arrays alike.

    Args:
        image_shape: (height, width, channels).
        num_bits: bits per colour value that the model sees, 1 to 8.
        flow: makes the flow, called with (image_shape, condition_dim, seed, dtype).
        latent: makes the latent, called with (image_shape, seed, dtype).
        seed: seed of the initial weights.
        dtype: floating type of weights and computation.

    Reference: Ma et al., "Decoupling Global and Local Representations via Invertible Generative
        Flows", 2021, arXiv:2004.11820, equations 5-8.

    >>> flow = functools.partial(tfwolf.RefinedGlow, num_steps=[0, [1], 1], hidden_channels=[8, 8, 8], transform=tfwolf.BoundedAffine(1.0))
    >>> model = tfwolf.Wolf([8, 8, 3], num_bits=8, flow=flow, latent=tfwolf.NoLatent)
    >>> tfwolf.initialize(model, np.zeros([16, 8, 8, 3], np.uint8), seed=0)
    >>> model.sample(2, seed=0).shape
    TensorShape([2, 8, 8, 3])
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        num_bits: int,
        flow: Callable[..., FlowBijector],
        latent: Callable[..., Latent],
        seed: int = 0,
        dtype: tf.DType = tf.float32,
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
            }
        )
        self.image_shape: tuple[int, int, int] = tuple(image_shape)
        self.num_bits: int = validate.num_bits(num_bits)
        self.dtype: tf.DType = tf.as_dtype(dtype)
        self.latent: Latent = latent(
            image_shape=self.image_shape, seed=seeds.derive(seed, 'latent'), dtype=self.dtype
        )
        self.flow: FlowBijector = self.flow_for(self.image_shape)
        self.initialized: tf.Variable = tf.Variable(False, trainable=False, name='initialized')

    def flow_for(self, image_shape: Sequence[int]) -> FlowBijector:
        """Returns a flow like the model's own for images of a shape, (height, width, channels),
        with its initial weights.
        """
        made = self._arguments.value
        return made['flow'](
            image_shape=image_shape,
            condition_dim=self.latent.dim,
            seed=seeds.derive(made['seed'], 'flow'),
            dtype=self.dtype,
        )

    def with_flow(self, **changes: Any) -> Wolf:
        """Returns a new model, with the same seed, whose flow is made with other arguments than
        this one's.
        """
        return Wolf(
            **{
                **self._arguments.value,
                'flow': functools.partial(self._arguments.value['flow'], **changes),
            }
        )

    @property
    def num_dims(self) -> int:
        """height * width * channels of an image."""
        return math.prod(self.image_shape)

    def draw_noise(self, batch_size: int, seed: tf.Tensor) -> Noise:
        """Returns the `Noise` for `batch_size` images; `seed` is a `[2]` tensor seed."""
        dequantization = seeds.uniform(
            [batch_size, *self.image_shape], seeds.fold_in(seed, 0), self.dtype
        )
        return Noise(
            dequantization,
            seeds.normal([batch_size, self.latent.noise_dim], seeds.fold_in(seed, 1), self.dtype),
        )

    def terms(
        self, images: Array, noise: Noise, training: bool = False, labels: Array | None = None
    ) -> Terms:
        """Returns the `Terms` of the bound, `[batch]` each, in nats.

        Args:
            images: uint8 `[batch, height, width, channels]`.
            noise: `Noise` for as many images.
            training: whether batch norm takes the batch's statistics, and moves its running
                averages; with what training adds to the loss.
            labels: integers `[batch]`; only a model whose z comes from them needs them.

        Raises:
            ValueError: if the images have another shape or dtype, or labels are needed and missing.
            RuntimeError: if the model has not been initialised.
        """
        return self.terms_given(
            self.infer(images, noise, training, labels), images, noise, training
        )

    def infer(
        self, images: Array, noise: Noise, training: bool = False, labels: Array | None = None
    ) -> Inference:
        """Returns the `Inference` of z, the half of the bound that the encoder and the prior
        compute; arguments as in `terms`.
        """
        return self.latent.infer(
            self.encoder_input(self._checked(images)), noise.posterior, labels, training
        )

    def terms_given(
        self, inference: Inference, images: Array, noise: Noise, training: bool = False
    ) -> Terms:
        """Returns the `Terms` of images whose z is known; the flow computes the other half.

        Args:
            inference: the `Inference` of the images.
            images, noise, training: as in `terms`.
        """
        forward = self.flow.forward_in_training if training else self.flow.forward_and_log_det
        return self.terms_of(
            inference, *forward(self.flow_input(images, noise), inference.z), training
        )

    def flow_input(self, images: Array, noise: Noise) -> tf.Tensor:
        """Returns x, what the flow is given: `[batch, height, width, channels]` in [-1, 1],
        dequantised with the `Noise`.
        """
        return preprocess.to_unit_range(images, self.num_bits, noise.dequantization, self.dtype)

    def encoder_input(self, images: Array) -> tf.Tensor:
        """Returns x, what the encoder is given: `[batch, height, width, channels]`, the lower edges
        of the images' bins.
        """
        return preprocess.to_unit_range(images, self.num_bits, 0.0, self.dtype)

    def bin_centres(self, images: Array) -> tf.Tensor:
        """Returns x of which `encode` computes v: `[batch, height, width, channels]`, the centres
        of the images' bins.
        """
        return preprocess.to_unit_range(images, self.num_bits, 0.5, self.dtype)

    def terms_of(
        self, inference: Inference, v: tf.Tensor, log_det: tf.Tensor, training: bool = False
    ) -> Terms:
        """Returns the `Terms` of images whose z is known, and whose v and log-determinant the flow
        has computed.

        Args:
            inference: the `Inference` of the images.
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
            inference.kl_per_dim_nats,
            {name: bits * (self.num_dims * math.log(2.0)) for name, bits in auxiliary.items()},
        )

    def bits_per_dim(self, images: Array, noise: Noise, labels: Array | None = None) -> tf.Tensor:
        """Returns the bound in bits per dimension, `[batch]`."""
        return bits_per_dim(self.terms(images, noise, labels=labels).nll_nats, self.num_dims)

    def encode(
        self, images: Array, labels: Array | None = None
    ) -> tuple[tf.Tensor | None, tf.Tensor]:
        """Returns (z, v): the mean of q(z|x), or the z of the labels, and the v that belongs to it
        and to the centres of the images' bins.

        `decode(*encode(images))` is `images`, at the model's number of bits, exactly.
        """
        images = self._checked(images)
        z = self.latent.encode(self.encoder_input(images), labels)
        return z, self.encode_given(images, z)

    def encode_given(self, images: Array, z: Array | None) -> tf.Tensor:
        """Returns v of images whose z is known, `[batch, height, width, channels]`; z is None
        without a latent.
        """
        return self.flow.forward_and_log_det(self.bin_centres(images), z)[0]

    def posterior(self, images: Array) -> Posterior:
        """Returns q(z|x) of images, a `Posterior`.

        Raises:
            ValueError: if the model has no encoder, or the images do not fit.
        """
        if not self.latent.has_posterior:
            raise ValueError(
                'The posterior needs a model with an encoder (GaussianLatent); this one has none.'
            )
        return self.latent.posterior(self.encoder_input(self._checked(images)))

    def decode(self, z: Array | None, v: Array) -> tf.Tensor:
        """Returns the images of z (None without a latent) and v, uint8 `[batch, height, width,
        channels]` in the full range 0..255.
        """
        self._check_initialized()
        z, v = (None if part is None else tf.convert_to_tensor(part, self.dtype) for part in (z, v))
        return preprocess.to_images(self.flow.inverse_and_log_det(v, z)[0], self.num_bits)

    def sample(
        self,
        num_images: int,
        seed: int | tf.Tensor = 0,
        temperature_v: Temperature = 1.0,
        temperature_z: Temperature = 1.0,
        labels: Array | None = None,
        first: int | tf.Tensor = 0,
    ) -> tf.Tensor:
        """Returns images drawn from the model, uint8 `[num_images, height, width, channels]`.

        Image i depends on the seed and on `first + i` alone. A served model gives the same images
        for its seeds `(seed, first + i)`.

        Args:
            num_images: how many.
            seed: integer; the same seed gives the same noise at every temperature.
            temperature_v: factor on v's noise, at least 0; one, or one for each image.
            temperature_z: factor on the noise that the prior maps to z, at least 0; one, or one for
                each image.
            labels: integers `[num_images]`, for a model whose z comes from class labels; None draws
                them uniformly.
            first: number of the first image.

        Raises:
            ValueError: if an argument breaks its rule, or labels are given to a model that has no
                use for them.
        """
        pairs = image_noise.image_seeds(seed, num_images, first)
        return self.decode(
            *generation.sample_code(
                self.latent,
                self.image_shape,
                self.dtype,
                pairs,
                temperature_v,
                temperature_z,
                labels,
            )
        )

    def reconstruct(
        self, images: Array, labels: Array | None = None, seed: int | tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns the images decoded from their v, uint8 `[batch, height, width, channels]`.

        Args:
            images: uint8 `[batch, height, width, channels]`.
            labels: integers `[batch]`; only a model whose z comes from them needs them.
            seed: None decodes with the z that v belongs to, which gives the images back. An integer
                decodes with another z ~ q(z|x); that of image i depends on the seed, on i and on
                the image alone.

        Raises:
            ValueError: if a seed is given to a model without an encoder, or the images do not fit.
        """
        if seed is None:
            return self.decode(*self.encode(images, labels))
        posterior = self.posterior(images)
        return self.decode(
            generation.posterior_draw(posterior, seed), self.encode_given(images, posterior.mean)
        )

    def switch(
        self,
        images_a: Array,
        images_b: Array,
        labels_a: Array | None = None,
        labels_b: Array | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the images (z of a with v of b, z of b with v of a), uint8 `[batch, height,
        width, channels]` each: Wolf, figure 1.

        Raises:
            ValueError: if the model has no z, or the images do not fit.
        """
        of_a, of_b = generation.switch_codes(
            self.encode(images_a, labels_a), self.encode(images_b, labels_b)
        )
        return self.decode(*of_a), self.decode(*of_b)

    def interpolate(
        self,
        images_a: Array,
        images_b: Array,
        alphas: Array | None,
        betas: Array,
        labels_a: Array | None = None,
        labels_b: Array | None = None,
    ) -> tf.Tensor:
        """Returns the images of (1 - alpha) z_a + alpha z_b with (1 - beta) v_a + beta v_b for
        every alpha and beta: Wolf, equation 9.

        The corners are exactly the images, at (0, 0) and (1, 1), and their switches, at (0, 1) and
        (1, 0).

        Args:
            images_a, images_b: uint8 `[batch, height, width, channels]`, or one image each,
                `[height, width, channels]`.
            alphas: `[num_alphas]`, or `[batch, num_alphas]`; must be None for a model without z.
            betas: `[num_betas]`, or `[batch, num_betas]`.
            labels_a, labels_b: integers `[batch]`, or one for one image; only a model whose z comes
                from them needs them.

        Returns:
            uint8 `[batch, num_alphas, num_betas, height, width, channels]`. Without z there is no
                dimension of alphas, and of single images
            no dimension of the batch.

        Raises:
            ValueError: if alphas are missing, or given to a model without z, or the images do not
                fit.
        """
        if self.latent.has_z == (alphas is None):
            raise ValueError(
                '`alphas` must be '
                f'{"numbers" if self.latent.has_z else "None for a model without z"}; got '
                f'{alphas}.'
            )
        images_a, images_b = tf.convert_to_tensor(images_a), tf.convert_to_tensor(images_b)
        if single := images_a.shape.rank == 3:
            images_a, images_b = images_a[tf.newaxis], images_b[tf.newaxis]
        codes = [
            self.encode(images, None if labels is None else tf.reshape(labels, [-1]))
            for images, labels in ((images_a, labels_a), (images_b, labels_b))
        ]
        images = generation.decode_grid(
            self.decode, generation.interpolate_codes(*codes, alphas, betas)
        )
        return images[0] if single else images

    def _checked(self, images: Array) -> tf.Tensor:
        images = preprocess.checked_images(images, self.image_shape)
        self._check_initialized()
        return images

    def _check_initialized(self) -> None:
        with tf.init_scope():
            if not self.initialized.numpy():
                raise RuntimeError(
                    'The model has not been initialised: call `tfwolf.initialize(model, images, '
                    'seed)`, or restore a checkpoint.'
                )
