"""Wolf: a density of images with an encoder, a prior of z and a flow conditioned on z."""

from __future__ import annotations

import tensorflow as tf

from tfwolf.core import image_noise
from tfwolf.core.parts import register
from tfwolf.distributions.posterior import Posterior
from tfwolf.models import generation
from tfwolf.models.density import ImageDensity
from tfwolf.models.generation import Temperature
from tfwolf.models.latent import Array


@register
class Wolf(ImageDensity):
    """A density of images with a global latent z and a local latent v.

    p(x) = integral of p(z) N(f(x; z); 0, I) |det df/dx| dz, with q(z|x) for the bound. With
    `NoLatent` it is the flow alone. With a condition c, an image that is computed from x, it is
    p(x|c): f depends on c, z does not.

    Images are uint8 `[batch, height, width, channels]` (see `num_bits` for others); v has the same
    shape, z is `[batch, latent_dim]` (None without a latent). c is uint8 `[batch,
    *condition.reduced_shape]` (None without a condition). Methods accept tensors and NumPy arrays.

    Args:
        image_shape: (height, width, channels).
        num_bits: bits per color value that the model sees, 1 to 16: images are uint8 up to 8 bits,
            uint16 above. None for continuous values, float32, whose density is in nats.
        flow: factory of the flow, called with (image_shape, condition_dim, seed, dtype), and in a
            model with a condition with `condition_channels`.
        latent: factory of the `Latent`, called with (image_shape, seed, dtype).
        seed: seed of the initial weights.
        dtype: floating type of weights and computation.
        dequantizer: factory of the `Dequantizer`, called with (image_shape, seed, dtype).
        condition: factory of the `ImageCondition`, such as `LowResolution`, called with
            (image_shape); None for none.

    Reference: Ma et al., "Decoupling Global and Local Representations via Invertible Generative
        Flows", 2021, arXiv:2004.11820, equations 5-8.

    >>> import functools
    >>> flow = functools.partial(
    ...     tfwolf.RefinedGlow,
    ...     num_steps=[0, [1], 1],
    ...     hidden_channels=[8, 8, 8],
    ...     transform=tfwolf.BoundedAffine(1.0),
    ... )
    >>> model = tfwolf.Wolf([8, 8, 3], num_bits=8, flow=flow, latent=tfwolf.NoLatent)
    >>> tfwolf.initialize(model, np.zeros([16, 8, 8, 3], np.uint8), seed=0)
    >>> model.sample(2, seed=0).shape
    TensorShape([2, 8, 8, 3])
    """

    def encode(
        self, images: Array, labels: Array | None = None
    ) -> tuple[tf.Tensor | None, tf.Tensor]:
        """Return (z, v): the mean of q(z|x) or the z of the labels, and v of the bin centers.

        `decode(*encode(images))` returns `images` exactly, at the model's number of bits; with a
        condition, `decode(*encode(images), condition_of(images))` does.
        """
        images = self._checked(images)
        z = self.latent.encode(self.encoder_input(images), labels)
        return z, self.encode_given(images, z)

    def encode_given(self, images: Array, z: Array | None) -> tf.Tensor:
        """Return v of images with given z, `[batch, height, width, channels]`.

        z is None without a latent. The condition is that of the images.
        """
        condition = self.flow_condition(z, self.condition_of(images))
        return self.flow.forward_and_log_det(self.bin_centers(images), condition)[0]

    def posterior(self, images: Array) -> Posterior:
        """Return q(z|x) of images, a `Posterior`.

        Raises:
            ValueError: if the model has no encoder, or the images have another shape or dtype.
        """
        if not self.latent.has_posterior:
            raise ValueError(
                'The posterior needs a model with an encoder (GaussianLatent); got '
                f'{type(self.latent).__name__}.'
            )
        return self.latent.posterior(self.encoder_input(self._checked(images)))

    def decode(self, z: Array | None, v: Array, condition: Array | None = None) -> tf.Tensor:
        """Return the images of z and v, uint8 `[batch, height, width, channels]` in 0..255.

        Args:
            z: `[batch, latent_dim]`, or None without a latent.
            v: `[batch, height, width, channels]`.
            condition: c, uint8 `[batch, *condition.reduced_shape]`, as from `condition_of`; None
                for a model without a condition.

        Raises:
            ValueError: if the condition is missing, is not expected, or has another shape or dtype.
        """
        self._check_initialized()
        given = self.flow_condition(z, condition)
        v = tf.convert_to_tensor(v, self.dtype)
        return self.values.to_images(self.flow.inverse_and_log_det(v, given)[0])

    def sample(
        self,
        num_images: int,
        seed: int | tf.Tensor = 0,
        temperature_v: Temperature = 1.0,
        temperature_z: Temperature = 1.0,
        labels: Array | None = None,
        first: int | tf.Tensor = 0,
        condition: Array | None = None,
    ) -> tf.Tensor:
        """Return images drawn from the model, uint8 `[num_images, height, width, channels]`.

        Image i depends only on the seed and on `first + i`. A served model returns the same images
        for the seeds `(seed, first + i)`.

        Args:
            num_images: number of images.
            seed: integer; the same seed gives the same noise at all temperatures.
            temperature_v: factor of v's noise, at least 0; one number, or one for each image.
            temperature_z: factor of the noise that the prior maps to z, at least 0; one number, or
                one for each image.
            labels: integers `[num_images]`, for a model whose z is a function of class labels; None
                to draw them uniformly.
            first: number of the first image.
            condition: c of each image, uint8 `[num_images, *condition.reduced_shape]`; None for a
                model without a condition.

        Raises:
            ValueError: if an argument is invalid, the condition is missing, or the model does not
                accept labels or a condition.
        """
        pairs = image_noise.image_seeds(seed, num_images, first)
        z, v = generation.sample_code(
            self.latent, self.image_shape, self.dtype, pairs, temperature_v, temperature_z, labels
        )
        return self.decode(z, v, condition)

    def reconstruct(
        self, images: Array, labels: Array | None = None, seed: int | tf.Tensor | None = None
    ) -> tf.Tensor:
        """Return the images decoded from their v, uint8 `[batch, height, width, channels]`.

        Args:
            images: uint8 `[batch, height, width, channels]`.
            labels: integers `[batch]`; required if the model's z is a function of labels.
            seed: None to decode with the z that belongs to v, which returns the original images. An
                integer to decode with another z ~ q(z|x), which for image i depends only on the
                seed, i and the image.

        Raises:
            ValueError: if a seed is given for a model without an encoder, or the images have
                another shape or dtype.
        """
        condition = self.condition_of(images)
        if seed is None:
            return self.decode(*self.encode(images, labels), condition)
        posterior = self.posterior(images)
        z = generation.posterior_draw(posterior, seed)
        return self.decode(z, self.encode_given(images, posterior.mean), condition)

    def switch(
        self,
        images_a: Array,
        images_b: Array,
        labels_a: Array | None = None,
        labels_b: Array | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the images of (z of a, v of b) and of (z of b, v of a) (Wolf, figure 1).

        Both are uint8 `[batch, height, width, channels]`. The condition goes with v.

        Raises:
            ValueError: if the model has no z, or the images have another shape or dtype.
        """
        of_a, of_b = generation.switch_codes(
            self.encode(images_a, labels_a), self.encode(images_b, labels_b)
        )
        return (
            self.decode(*of_a, self.condition_of(images_b)),
            self.decode(*of_b, self.condition_of(images_a)),
        )

    def interpolate(
        self,
        images_a: Array,
        images_b: Array,
        alphas: Array | None,
        betas: Array,
        labels_a: Array | None = None,
        labels_b: Array | None = None,
    ) -> tf.Tensor:
        """Return the images of (1 - alpha) z_a + alpha z_b and (1 - beta) v_a + beta v_b.

        There is one image for each pair of alpha and beta (Wolf, equation 9). The corners (0, 0)
        and (1, 1) are exactly the images; (0, 1) and (1, 0) are their switches.

        Args:
            images_a, images_b: uint8 `[batch, height, width, channels]`, or one image each,
                `[height, width, channels]`.
            alphas: `[num_alphas]` or `[batch, num_alphas]`; must be None for a model without z.
            betas: `[num_betas]` or `[batch, num_betas]`.
            labels_a, labels_b: integers `[batch]`, or one integer for one image; required if the
                model's z is a function of labels.

        Returns:
            uint8 `[batch, num_alphas, num_betas, height, width, channels]`. There is no dimension
            of alphas without z, and no batch dimension for single images.

        Raises:
            ValueError: if alphas are missing, or given to a model without z, the images have
                another shape or dtype, or the model has a condition: images between two have none.
        """
        self.check_unconditional('The interpolation')
        if self.latent.has_z == (alphas is None):
            raise ValueError(
                '`alphas` must be '
                f'{"numbers" if self.latent.has_z else "None for a model without z"}; got '
                f'{alphas}.'
            )
        images_a, images_b = tf.convert_to_tensor(images_a), tf.convert_to_tensor(images_b)
        if single := images_a.shape.rank == 3:
            images_a, images_b = images_a[tf.newaxis], images_b[tf.newaxis]
        code_a, code_b = (
            self.encode(images, None if labels is None else tf.reshape(labels, [-1]))
            for images, labels in ((images_a, labels_a), (images_b, labels_b))
        )
        images = generation.decode_grid(
            self.decode, generation.interpolate_codes(code_a, code_b, alphas, betas)
        )
        return images[0] if single else images
