"""Wolf: an encoder, a prior of z and a flow conditioned on z, joined to a density of images (Wolf, section 3)."""
import functools
import math
import types
from typing import Mapping, NamedTuple, Optional

import tensorflow as tf

from tfwolf import seeds, validate
from tfwolf.data import preprocess
from tfwolf.distributions.bits import bits_per_dim, dequantization_nats, standard_normal_log_prob
from tfwolf.variables import CompleteVariables


class Noise(NamedTuple):
    """The random numbers that one evaluation of the bound needs.

    Attributes:
        dequantization: uniform in [0, 1), `[batch, height, width, channels]`.
        posterior: standard normal, `[batch, noise_dim]`, what the latent draws z with; noise_dim is 0 without z.
    """

    dequantization: tf.Tensor
    posterior: tf.Tensor


class Terms(NamedTuple):
    """The negative evidence lower bound of each image, in nats, as named terms that add up to it.

    Attributes:
        reconstruction_nats: -log p(x|z), `[batch]`.
        kl_nats: log q(z|x) - log p(z) or its closed form, `[batch]`.
        dequantization_nats: D log(2^n / 2), `[batch]`.
        kl_per_dim_nats: diagnosis, KL of each dimension of q(z|x) to N(0, 1), `[batch, latent_dim]`; None without z.
        auxiliary_nats: `{name: [batch]}`, what training adds to the loss beside the bound; empty outside training and for most models.
    """

    reconstruction_nats: tf.Tensor
    kl_nats: tf.Tensor
    dequantization_nats: tf.Tensor
    kl_per_dim_nats: Optional[tf.Tensor]
    auxiliary_nats: Mapping[str, tf.Tensor] = types.MappingProxyType({})

    @property
    def nll_nats(self):
        """The sum of the three terms, `[batch]`: an upper bound of -log p(image); exact up to dequantisation without z."""
        return self.reconstruction_nats + self.kl_nats + self.dequantization_nats


class Wolf(CompleteVariables, tf.Module):
    """p(x) = integral of p(z) N(f(x; z); 0, I) |det df/dx| dz, with q(z|x) for the bound. With `NoLatent` the flow alone.

    Images are uint8 `[batch, height, width, channels]`; v has their shape, z is `[batch, latent_dim]` (None without a latent).

    Args:
        image_shape: (height, width, channels).
        num_bits: bits per colour value that the model sees, 1 to 8.
        flow: makes the flow, called with (image_shape, condition_dim, seed, dtype).
        latent: makes the latent, called with (image_shape, seed, dtype).
        seed: seed of the initial weights.
        dtype: floating type of weights and computation.

    Attributes:
        flow_for: makes a flow as the model's own for images of a shape, (height, width, channels), with initial weights.

    Reference: Ma, Kong, Zhang and Hovy, "Decoupling Global and Local Representations via Invertible Generative Flows", 2021,
    arXiv:2004.11820, equations 5-8.
    """

    def __init__(self, image_shape, num_bits, flow, latent, seed=0, dtype=tf.float32):
        super().__init__(name='wolf')
        self.image_shape = tuple(image_shape)
        self.num_bits = validate.num_bits(num_bits)
        self.dtype = tf.as_dtype(dtype)
        self.latent = latent(image_shape=self.image_shape, seed=seeds.derive(seed, 'latent'), dtype=self.dtype)
        # A function: a partial would be tracked, and with it what it holds.
        self._remake = lambda new_flow: Wolf(image_shape, num_bits, new_flow, latent, seed, dtype)
        self._make_flow = lambda **changes: functools.partial(flow, **changes)
        # A function: only the flow that it makes here is part of the model.
        self.flow_for = lambda image_shape: flow(image_shape=image_shape, condition_dim=self.latent.dim, seed=seeds.derive(seed, 'flow'),
                                                 dtype=self.dtype)
        self.flow = self.flow_for(self.image_shape)
        self.initialized = tf.Variable(False, trainable=False, name='initialized')

    def with_flow(self, **changes):
        """Returns a new model, with the same seed, whose flow is made with other arguments than this one's."""
        return self._remake(self._make_flow(**changes))

    @property
    def num_dims(self):
        """height * width * channels of an image."""
        height, width, channels = self.image_shape
        return height * width * channels

    def draw_noise(self, batch_size, seed):
        """Returns the `Noise` for `batch_size` images; `seed` is a `[2]` tensor seed."""
        dequantization = seeds.uniform([batch_size, *self.image_shape], seeds.fold_in(seed, 0), self.dtype)
        return Noise(dequantization, seeds.normal([batch_size, self.latent.noise_dim], seeds.fold_in(seed, 1), self.dtype))

    def terms(self, images, noise, training=False, labels=None):
        """Returns the `Terms` of the bound, `[batch]` each, in nats.

        Args:
            images: uint8 `[batch, height, width, channels]`.
            noise: `Noise` for as many images.
            training: whether batch norm takes the batch's statistics, and moves its running averages; with what training adds to the loss.
            labels: integers `[batch]`; only a model whose z comes from them needs them.

        Raises:
            ValueError: if the images have another shape or dtype, or labels are needed and missing.
            RuntimeError: if the model has not been initialised.
        """
        return self.terms_given(self.infer(images, noise, training, labels), images, noise, training)

    def infer(self, images, noise, training=False, labels=None):
        """Returns the `Inference` of z, the half of the bound that the encoder and the prior compute; arguments as in `terms`."""
        self._check(images)
        return self.latent.infer(self._to_x(images, 0.0), noise.posterior, labels, training)

    def terms_given(self, inference, images, noise, training=False):
        """Returns the `Terms` of images whose z is known; the flow computes the other half.

        Args:
            inference: the `Inference` of the images.
            images, noise, training: as in `terms`.
        """
        forward = self.flow.forward_in_training if training else self.flow.forward_and_log_det
        return self.terms_of(inference, *forward(self.flow_input(images, noise), inference.z), training)

    def flow_input(self, images, noise):
        """Returns x, what the flow is given: `[batch, height, width, channels]` in [-1, 1], dequantised with the `Noise`."""
        return self._to_x(images, noise.dequantization)

    def terms_of(self, inference, v, log_det, training=False):
        """Returns the `Terms` of images whose z is known, and whose v and log-determinant the flow has computed.

        Args:
            inference: the `Inference` of the images.
            v: `[batch, height, width, channels]`.
            log_det: `[batch]`, in nats.
            training: as in `terms`.
        """
        auxiliary = self.flow.auxiliary_losses(v, inference.z) if training else {}
        constant = tf.constant(dequantization_nats(self.num_dims, self.num_bits), self.dtype)
        return Terms(-(standard_normal_log_prob(v) + log_det), inference.kl_nats, tf.fill([tf.shape(v)[0]], constant),
                     inference.kl_per_dim_nats, {name: bits * (self.num_dims * math.log(2.0)) for name, bits in auxiliary.items()})

    def bits_per_dim(self, images, noise, labels=None):
        """Returns the bound in bits per dimension, `[batch]`."""
        return bits_per_dim(self.terms(images, noise, labels=labels).nll_nats, self.num_dims)

    def encode(self, images, labels=None):
        """Returns (z, v): the mean of q(z|x), or the z of the labels, and the v that belongs to it and to the centres of the images' bins.

        `decode(*encode(images))` is `images`, at the model's number of bits, exactly.
        """
        self._check(images)
        z = self.latent.encode(self._to_x(images, 0.0), labels)
        return z, self.encode_given(images, z)

    def encode_given(self, images, z):
        """Returns v of images whose z is known, `[batch, height, width, channels]`; z is None without a latent."""
        return self.flow.forward_and_log_det(self._to_x(images, 0.5), z)[0]

    def posterior(self, images):
        """Returns q(z|x) of images, a `Posterior`; only a model with an encoder has one."""
        self._check(images)
        return self.latent.posterior(self._to_x(images, 0.0))

    def decode(self, z, v):
        """Returns the uint8 images of z and v, in the full range 0..255."""
        self._check_initialized()
        return preprocess.to_images(self.flow.inverse_and_log_det(v, z)[0], self.num_bits)

    def sample(self, num_images, seed, temperature_v=1.0, temperature_z=1.0):
        """Returns uint8 images drawn from the model, `[num_images, height, width, channels]`.

        Args:
            num_images: how many.
            seed: integer seed, or a `[2]` tensor seed; the same seed gives the same noise.
            temperature_v: factor on v's noise, at least 0.
            temperature_z: factor on the noise that the prior maps to z, at least 0.

        Raises:
            ValueError: if a temperature is negative.
        """
        for name, value in (('temperature_v', temperature_v), ('temperature_z', temperature_z)):
            if not tf.is_tensor(value):
                validate.real(name, value, minimum=0)
        seed = seed if tf.is_tensor(seed) else seeds.tensor_seed(seed, 'sample')
        v = seeds.normal([num_images, *self.image_shape], seeds.fold_in(seed, 0), self.dtype)
        noise = seeds.normal([num_images, self.latent.noise_dim], seeds.fold_in(seed, 1), self.dtype)
        return self.decode(self.latent.from_noise(noise * temperature_z), v * temperature_v)

    def reconstruct(self, images, seed=None, labels=None):
        """Returns the uint8 images decoded from their v with their z, or, given a seed, with another draw z ~ q(z|x)."""
        z, v = self.encode(images, labels)
        if seed is not None:
            noise = seeds.normal([tf.shape(v)[0], self.latent.noise_dim], seeds.tensor_seed(seed, 'reconstruct'), self.dtype)
            z = self.latent.infer(self._to_x(images, 0.0), noise, labels).z
        return self.decode(z, v)

    def switch(self, images_a, images_b, labels_a=None, labels_b=None):
        """Returns (z of a with v of b, z of b with v of a) as uint8 images: the switch of Wolf, figure 1.

        Raises:
            ValueError: if the model has no z, or the images do not fit.
        """
        if self.latent.dim == 0:
            raise ValueError('`switch` needs a model with a latent z; this one has none.')
        (z_a, v_a), (z_b, v_b) = self.encode(images_a, labels_a), self.encode(images_b, labels_b)
        return self.decode(z_a, v_b), self.decode(z_b, v_a)

    def _to_x(self, images, noise):
        return preprocess.to_unit_range(images, self.num_bits, noise, self.dtype)

    def _check(self, images):
        if images.dtype != tf.uint8 or tuple(images.shape[1:]) != self.image_shape:
            raise ValueError(f'`images` must be uint8 [batch, {", ".join(map(str, self.image_shape))}]; '
                             f'got {tf.as_dtype(images.dtype).name} {tuple(images.shape)}.')
        self._check_initialized()

    def _check_initialized(self):
        with tf.init_scope():
            ready = bool(self.initialized.numpy())
        if not ready:
            raise RuntimeError('The model has not been initialised: pass a batch of images to '
                               'tfwolf.models.initialization.initialize, or restore a checkpoint.')
