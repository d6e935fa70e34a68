"""Samples, switches and interpolations as codes (z, v), for models, tools and served models.

A code consists of z `[batch, latent_dim]`, or None for a model without z, and v `[batch, height,
width, channels]`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfwolf.core import image_noise, validate
from tfwolf.distributions.posterior import Posterior
from tfwolf.models.latent import Array, Latent

LatentCode = tuple[Array | None, Array]
Temperature = float | Array


def sample_code(
    latent: Latent,
    image_shape: Sequence[int],
    dtype: tf.DType,
    seeds: tf.Tensor,
    temperature_v: Temperature = 1.0,
    temperature_z: Temperature = 1.0,
    labels: Array | None = None,
) -> LatentCode:
    """Return the code of samples: v = temperature_v * noise, z = prior(temperature_z * noise).

    Args:
        latent: the latent of the model.
        image_shape: (height, width, channels) of v.
        dtype: floating type of the model.
        seeds: two seeds per image, int64 `[batch, 2]`, from `image_noise.image_seeds`.
        temperature_v, temperature_z: at least 0, one number or `[batch]`. temperature_z has no
            effect if z is a function of class labels.
        labels: integers `[batch]`, for a model whose z is a function of class labels; None to draw
            them uniformly with the same seeds.

    Raises:
        ValueError: if a temperature is negative or not finite, or the model does not accept labels.

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
    """Return the class labels, int64 `[batch]`, that `sample_code` draws for seeds `[batch, 2]`."""
    return latent.labels_from_noise(
        image_noise.normal_per_image([latent.noise_dim], seeds, image_noise.Z)
    )


def posterior_draw(posterior: Posterior, seed: int | tf.Tensor) -> tf.Tensor:
    """Return z ~ q(z|x), `[batch, latent_dim]`.

    The noise of image i is a function of the integer seed and of i.
    """
    seeds = image_noise.image_seeds(seed, tf.shape(posterior.mean)[0])
    latent_dim = tf.TensorShape(posterior.mean.shape[1:]).num_elements()
    return posterior.from_noise(
        image_noise.normal_per_image(
            [latent_dim], seeds, image_noise.POSTERIOR, posterior.mean.dtype
        )
    )


def check_temperature(name: str, temperature: Temperature) -> None:
    """Check a temperature; the values of a tensor are not checked.

    Raises:
        ValueError: if it is negative or not finite.
    """
    if not tf.is_tensor(temperature):
        for value in np.ravel(temperature).tolist():
            validate.real(name, value, minimum=0)


def switch_codes(code_a: LatentCode, code_b: LatentCode) -> tuple[LatentCode, LatentCode]:
    """Return the codes (z of a with v of b, z of b with v of a).

    Raises:
        ValueError: if the codes have no z.
    """
    (z_a, v_a), (z_b, v_b) = code_a, code_b
    if z_a is None:
        raise ValueError('The switch needs a model with a latent z; got a model without z.')
    return (z_a, v_b), (z_b, v_a)


def between(a: Array, b: Array, places: Array) -> tf.Tensor:
    """Return (1 - t) a + t b for each t in `places`, `[batch, num_places, ...]`.

    The result is exactly a at t = 0 and b at t = 1.

    Args:
        a, b: `[batch, ...]`, of equal shape.
        places: `[num_places]`, or `[batch, num_places]` for separate places per row.
    """
    a, b = tf.convert_to_tensor(a), tf.convert_to_tensor(b)
    places = tf.cast(places, a.dtype)
    t = tf.reshape(places, [-1, tf.shape(places)[-1]] + [1] * (a.shape.rank - 1))
    return (1 - t) * a[:, tf.newaxis] + t * b[:, tf.newaxis]


def interpolate_codes(
    code_a: LatentCode, code_b: LatentCode, alphas: Array | None, betas: Array
) -> LatentCode:
    """Return the codes z = (1 - alpha) z_a + alpha z_b, v = (1 - beta) v_a + beta v_b.

    There is one code for each pair of alpha and beta.

    Args:
        code_a, code_b: codes of `[batch]` images each.
        alphas: `[num_alphas]` or `[batch, num_alphas]`; not used without z.
        betas: `[num_betas]` or `[batch, num_betas]`.

    Raises:
        ValueError: if only one code has z, or alphas are missing for codes with z.

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
    if z_b is None or alphas is None:
        raise ValueError(
            'Codes with z need `alphas` and a second code with z; got '
            f'alphas={alphas}{"" if z_b is not None else " and a second code without z"}.'
        )
    z = between(z_a, z_b, alphas)
    num_alphas, num_betas = tf.shape(z)[1], tf.shape(v)[1]
    return tf.repeat(z[:, :, tf.newaxis], num_betas, axis=2), tf.repeat(
        v[:, tf.newaxis], num_alphas, axis=1
    )


def decode_grid(decode: Callable[..., Any], code: LatentCode) -> Any:
    """Apply `decode` to a code with any number of leading dimensions, and restore these.

    Args:
        decode: function of z `[batch, latent_dim]` and v `[batch, height, width, channels]` that
            returns a tensor or a tuple of tensors, `[batch, ...]`.
        code: z `[..., latent_dim]` or None, and v `[..., height, width, channels]`.

    Returns:
        The results of `decode`, `[..., ...]`.
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
