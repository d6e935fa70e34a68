"""Samples, switches and interpolations in terms of codes (z, v): one implementation for the model,
the tools and a served model.

A code is z `[batch, latent_dim]`, or None for a model without z, and v `[batch, height, width,
channels]`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Union

import numpy as np
import tensorflow as tf

from tfwolf.core import image_noise, validate
from tfwolf.distributions.posterior import Posterior
from tfwolf.models.latents import Latent

Array = Union[np.ndarray, tf.Tensor]
LatentCode = tuple[Array | None, Array]
Temperature = Union[float, Array]


def sample_code(
    latent: Latent,
    image_shape: Sequence[int],
    dtype: tf.DType,
    seeds: tf.Tensor,
    temperature_v: Temperature = 1.0,
    temperature_z: Temperature = 1.0,
    labels: Array | None = None,
) -> LatentCode:
    """Returns the code of samples: v = temperature_v * noise, and z that the prior makes of
    temperature_z * noise.

    Args:
        latent: the latent of the model.
        image_shape: (height, width, channels) of v.
        dtype: floating type of the model.
        seeds: int64 `[batch, 2]`, two for each image, as `image_noise.image_seeds` makes them.
        temperature_v, temperature_z: at least 0, one number or `[batch]`. A z that comes from class
            labels has no temperature.
        labels: integers `[batch]`, for a model whose z comes from class labels; None draws them
            uniformly with the same seeds.

    Raises:
        ValueError: if a temperature is negative or not finite, or labels are given to a model that
            has no use for them.

    Reference: Kingma and Dhariwal, "Glow", 2018, arXiv:1807.03039, section 6, for the temperature.
    """
    v = _scaled(
        image_noise.normal_per_image(image_shape, seeds, image_noise.V, dtype),
        'temperature_v',
        temperature_v,
    )
    check_temperature('temperature_z', temperature_z)
    if labels is not None and not latent.needs_labels:
        raise ValueError(
            '`labels` must be None for a model whose z does not come from class labels; got '
            f'{labels}.'
        )
    if latent.needs_labels:
        return latent.encode(None, sample_labels(latent, seeds) if labels is None else labels), v
    if not latent.has_z:
        return None, v
    noise = image_noise.normal_per_image([latent.noise_dim], seeds, image_noise.Z, dtype)
    return latent.from_noise(_scaled(noise, 'temperature_z', temperature_z)), v


def sample_labels(latent: Latent, seeds: tf.Tensor) -> tf.Tensor:
    """Returns the class labels, int64 `[batch]`, that `sample_code` draws for a latent of classes
    and seeds `[batch, 2]`.
    """
    return latent.labels_from_noise(
        image_noise.normal_per_image([latent.noise_dim], seeds, image_noise.Z)
    )


def posterior_draw(posterior: Posterior, seed: int | tf.Tensor) -> tf.Tensor:
    """Returns z ~ q(z|x), `[batch, latent_dim]`; the noise of image i is a function of the seed, an
    integer, and of i.
    """
    seeds = image_noise.image_seeds(seed, tf.shape(posterior.mean)[0])
    return posterior.from_noise(
        image_noise.normal_per_image(
            posterior.mean.shape[1:], seeds, image_noise.POSTERIOR, posterior.mean.dtype
        )
    )


def check_temperature(name: str, temperature: Temperature) -> None:
    """Checks a temperature; the values of a tensor are not checked.

    Raises:
        ValueError: if it is negative or not finite.
    """
    if not tf.is_tensor(temperature):
        for value in np.ravel(temperature).tolist():
            validate.real(name, value, minimum=0)


def switch_codes(code_a: LatentCode, code_b: LatentCode) -> tuple[LatentCode, LatentCode]:
    """Returns the codes (z of a with v of b, z of b with v of a).

    Raises:
        ValueError: if the codes have no z.
    """
    (z_a, v_a), (z_b, v_b) = code_a, code_b
    if z_a is None:
        raise ValueError('The switch needs a model with a latent z; this one has none.')
    return (z_a, v_b), (z_b, v_a)


def between(a: Array, b: Array, places: Array) -> tf.Tensor:
    """Returns (1 - t) a + t b for every place t, `[batch, num_places, ...]`; exactly a at 0 and b
    at 1.

    Args:
        a, b: `[batch, ...]`, of one shape.
        places: `[num_places]`, or `[batch, num_places]` where they are other ones for every row.
    """
    a, b = tf.convert_to_tensor(a), tf.convert_to_tensor(b)
    places = tf.cast(places, a.dtype)
    t = tf.reshape(places, [-1, tf.shape(places)[-1]] + [1] * (a.shape.rank - 1))
    return (1 - t) * a[:, tf.newaxis] + t * b[:, tf.newaxis]


def interpolate_codes(
    code_a: LatentCode, code_b: LatentCode, alphas: Array | None, betas: Array
) -> LatentCode:
    """Returns the codes of h(z) = (1 - alpha) z_a + alpha z_b with h(v) = (1 - beta) v_a + beta
    v_b, for every alpha and beta.

    Args:
        code_a, code_b: codes of `[batch]` images each.
        alphas: `[num_alphas]` or `[batch, num_alphas]`; not used without z.
        betas: `[num_betas]` or `[batch, num_betas]`.

    Returns:
        z `[batch, num_alphas, num_betas, latent_dim]` and v `[batch, num_alphas, num_betas, height,
            width, channels]`; without z, None and
        v `[batch, num_betas, height, width, channels]`.

    Reference: Ma et al., "Decoupling Global and Local Representations via Invertible Generative
        Flows", 2021, arXiv:2004.11820, equation 9.
    """
    (z_a, v_a), (z_b, v_b) = code_a, code_b
    v = between(v_a, v_b, betas)
    if z_a is None:
        return None, v
    z = between(z_a, z_b, alphas)
    num_alphas, num_betas = tf.shape(z)[1], tf.shape(v)[1]
    return tf.repeat(z[:, :, tf.newaxis], num_betas, axis=2), tf.repeat(
        v[:, tf.newaxis], num_alphas, axis=1
    )


def decode_grid(decode: Callable[..., Any], code: LatentCode) -> Any:
    """Returns what `decode(z=z, v=v)` makes of a code with more dimensions than one before those of
    an image, in these dimensions.

    Args:
        decode: function of z `[batch, latent_dim]` and v `[batch, height, width, channels]` to a
            tensor or a tuple of tensors, `[batch, ...]`.
        code: z `[..., latent_dim]` or None, and v `[..., height, width, channels]`.
    """
    z, v = code
    grid = tf.shape(v)[:-3]
    flat_z = None if z is None else tf.reshape(z, [-1, z.shape[-1]])
    decoded = decode(z=flat_z, v=tf.reshape(v, [-1, *v.shape[-3:]]))
    return tf.nest.map_structure(
        lambda part: tf.reshape(part, tf.concat([grid, tf.shape(part)[1:]], axis=0)), decoded
    )


def _scaled(noise: tf.Tensor, name: str, temperature: Temperature) -> tf.Tensor:
    check_temperature(name, temperature)
    factors = tf.broadcast_to(tf.cast(temperature, noise.dtype), tf.shape(noise)[:1])
    return noise * tf.reshape(factors, [-1] + [1] * (noise.shape.rank - 1))
