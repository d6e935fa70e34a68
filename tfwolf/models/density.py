"""The density of images p(x) and its evidence lower bound (Wolf, section 3)."""

from __future__ import annotations

import math

import tensorflow as tf

from tfwolf.bijectors.log_det_terms import evenly_spread, sum_over_event
from tfwolf.core import seeds
from tfwolf.distributions.bits import (
    bits_per_dim,
    standard_normal_log_prob,
    standard_normal_log_prob_per_dim,
)
from tfwolf.models.flow_model import FlowModel
from tfwolf.models.latent import Array, Inference
from tfwolf.models.terms import Noise, Terms


class ImageDensity(FlowModel):
    """p(x) = integral of p(z) N(f(x; z); 0, I) |det df/dx| dz with a bound by q(z|x).

    With a condition c it is p(x|c): f depends on c, too. `Wolf` adds encoding, decoding and
    sampling; see there for the arguments.
    """

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
        images = self._checked(images)
        x = self.encoder_input(images)
        inference = self.latent.infer(x, noise.posterior, labels, training)
        return inference._replace(
            features=self.dequantizer.features(x, training),
            condition_image=self._embedded(self.condition_of(images)),
        )

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
        return self.terms_of(
            inference, dequantizer_nats, *forward(x, inference.condition), training
        )

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
        auxiliary = self.flow.auxiliary_losses(v, inference.condition) if training else {}
        constant = tf.constant(self.values.dequantization_nats(self.num_dims), self.dtype)
        log_prob, of_scale = (
            standard_normal_log_prob(v) + log_det,
            self.values.log_det_nats(self.num_dims),
        )
        return Terms(
            -(log_prob if of_scale is None else log_prob + of_scale),
            inference.kl_nats,
            tf.fill([tf.shape(v)[0]], constant),
            dequantizer_nats,
            inference.kl_per_dim_nats,
            {name: bits * (self.num_dims * math.log(2.0)) for name, bits in auxiliary.items()},
        )

    def bits_per_dim(self, images: Array, noise: Noise, labels: Array | None = None) -> tf.Tensor:
        """Return the bound in bits per dimension, `[batch]`.

        Raises:
            ValueError: if the model is of continuous values, whose density is in nats; and as
                `terms`.
        """
        if self.values.is_continuous:
            raise ValueError(
                'Bits per dimension are of color values in bins; this model is a density of '
                'continuous values, in nats: use `terms(images, noise).nll_nats`.'
            )
        return bits_per_dim(self.terms(images, noise, labels=labels).nll_nats, self.num_dims)

    def log_prob_by_dimension(
        self, images: Array, noise: Noise, labels: Array | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the share of each dimension of v in the bound of log p(x), and -log p.

        The shares of an image add up to log p. That of a dimension is log N(v; 0, 1), its own
        scales in all layers, and an equal part of what belongs to the whole image: KL of z,
        dequantization, log-determinants of 1x1 convolutions.

        Arguments and errors are those of `terms`.

        Returns:
            Shares `[batch, height, width, channels]` and -log p `[batch]`, in nats.
        """
        inference = self.infer(images, noise, labels=labels)
        x, dequantizer_nats = self.dequantized(inference, images, noise)
        v, log_dets = self.flow.forward_with_contributions(x, tf.zeros_like(x), inference.condition)
        terms = self.terms_of(inference, dequantizer_nats, v, sum_over_event(log_dets))
        shares = log_dets + standard_normal_log_prob_per_dim(v)
        rest = -terms.nll_nats - sum_over_event(shares)
        return shares + evenly_spread(rest, v), terms.nll_nats

    def dequantized(
        self, inference: Inference, images: Array, noise: Noise, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the flow's input x, and log q(u|x) of its noise u, `[batch]`, in nats.

        Arguments are those of `terms_given`.
        """
        return self._dequantized(inference.features, images, noise, training)

    def flow_input(self, images: Array, noise: Noise) -> tf.Tensor:
        """Return the flow's input x: the images dequantized with the `Noise`."""
        features = self.dequantizer.features(self.encoder_input(images))
        return self._dequantized(features, images, noise, training=False)[0]

    def _dequantized(
        self, features: tf.Tensor | None, images: Array, noise: Noise, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        u, log_prob_nats = self.dequantizer.draw(features, noise.dequantization, training)
        return self.values.to_x(images, u, self.dtype), log_prob_nats
