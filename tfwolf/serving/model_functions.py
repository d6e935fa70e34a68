"""The computations of a model that signatures are made of, as functions of tensors."""

from __future__ import annotations

import math

import tensorflow as tf

from tfwolf.core.image_noise import Z, normal_per_image, seeds_of_images
from tfwolf.distributions.bits import bits_per_dim
from tfwolf.evaluation.likelihood_map import by_pixel
from tfwolf.models.generation import (
    Array,
    LatentCode,
    decode_grid,
    interpolate_codes,
    sample_code,
)
from tfwolf.models.terms import Noise
from tfwolf.models.wolf import Wolf

# Images, uint8 [..., height, width, channels], and whether each is finite, bool [...].
Decoded = tuple[tf.Tensor, tf.Tensor]


class ModelFunctions:
    """Encodes, decodes, samples and scores images with a model.

    The encoder and the decoder are traced once, so an export stores each of them once, however many
    signatures call them.

    Args:
        model: an initialized `Wolf`; exported ones are in float32.
    """

    def __init__(self, model: Wolf) -> None:
        self._model = model
        latent = model.latent
        images = tf.TensorSpec([None, *model.image_shape], tf.uint8)
        labels = tf.TensorSpec([None], tf.int64)
        v = tf.TensorSpec([None, *model.image_shape], model.dtype)
        z = tf.TensorSpec([None, latent.dim], model.dtype)
        self._encode = tf.function(
            self._posterior_and_v,
            autograph=False,
            input_signature=[images, labels] if latent.needs_labels else [images],
        )
        self._decode = tf.function(
            self._images_and_finite,
            autograph=False,
            input_signature=[v, z] if latent.has_z else [v],
        )

    def encode(self, images: tf.Tensor, *labels: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Return (v,), (v, z) or (v, z, log variance of z), depending on the model.

        Args:
            images: uint8 `[batch, height, width, channels]`.
            *labels: int64 `[batch]`, only for a model whose z comes from labels.
        """
        return self._encode(images, *labels)

    def code(self, images: tf.Tensor, *labels: tf.Tensor) -> LatentCode:
        """Return the code (z, v) of images; z is None for a model without z."""
        v, *z = self._encode(images, *labels)
        return (z[0] if z else None), v

    def decode(self, z: Array | None, v: Array) -> Decoded:
        """Return the images of a code, and whether all their values are finite.

        Args:
            z: `[batch, latent_dim]`, or None for a model without z.
            v: `[batch, height, width, channels]`.
        """
        return self._decode(v) if z is None else self._decode(v, z)

    def sample(
        self,
        seeds: tf.Tensor,
        temperature_v: tf.Tensor,
        temperature_z: tf.Tensor | float = 1.0,
        labels: tf.Tensor | None = None,
    ) -> Decoded:
        """Return samples; the arguments are those of `generation.sample_code`."""
        model = self._model
        return self.decode(
            *sample_code(
                model.latent,
                model.image_shape,
                model.dtype,
                seeds,
                temperature_v,
                temperature_z,
                labels,
            )
        )

    def interpolate(
        self, code_a: LatentCode, code_b: LatentCode, alphas: tf.Tensor | None, betas: tf.Tensor
    ) -> Decoded:
        """Return the grid of images between two codes, `[batch, num_alphas, num_betas, ...]`.

        Without z there is no dimension of alphas.
        """
        return decode_grid(self.decode, interpolate_codes(code_a, code_b, alphas, betas))

    def bits_per_dim(self, images: tf.Tensor, labels: tf.Tensor | None = None) -> tf.Tensor:
        """Return the bits per dimension of images, `[batch]`; the noise depends on the image."""
        return self._model.bits_per_dim(images, self._noise_of(images), labels)

    def bits_per_pixel(
        self, images: tf.Tensor, labels: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the bits of each pixel, `[batch, height, width]`, and `bits_per_dim` of images.

        The bits of the pixels of an image add up to the bits of the image, see `likelihood_map`.
        """
        model = self._model
        shares, nll_nats = model.log_prob_by_dimension(images, self._noise_of(images), labels)
        nats = -by_pixel(shares, model.flow, model.image_shape)
        return nats / math.log(2.0), bits_per_dim(nll_nats, model.num_dims)

    def _noise_of(self, images: tf.Tensor) -> Noise:
        """Return the noise of the bound, a function of each image."""
        model = self._model
        seeds = seeds_of_images(images)
        return Noise(
            model.dequantizer.noise_per_image(model.image_shape, seeds, model.dtype),
            normal_per_image([model.latent.noise_dim], seeds, Z),
        )

    def _posterior_and_v(
        self, images: tf.Tensor, labels: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, ...]:
        model = self._model
        if model.latent.has_posterior:
            posterior = model.posterior(images)
            return (
                model.encode_given(images, posterior.mean),
                posterior.mean,
                posterior.log_variance,
            )
        z, v = model.encode(images, labels)
        return (v,) if z is None else (v, z)

    def _images_and_finite(self, v: tf.Tensor, z: tf.Tensor | None = None) -> Decoded:
        x = self._model.flow.inverse_and_log_det(v, z)[0]
        # Values that are not finite become black or white pixels.
        return self._model.values.to_images(x), tf.reduce_all(tf.math.is_finite(x), axis=[1, 2, 3])
