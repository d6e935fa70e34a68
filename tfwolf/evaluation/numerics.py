"""Numerical checks: exact reconstruction of real images, and samples that are not finite."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfwolf.analysis.coder import Coder
from tfwolf.analysis.conditional_samples import conditions_of
from tfwolf.analysis.sampling import draw_samples
from tfwolf.core.image_noise import image_seeds
from tfwolf.data.array_split import ArraySplit
from tfwolf.models.generation import Array, sample_labels
from tfwolf.models.wolf import Wolf

TEMPERATURES = (0.7, 0.8, 0.9, 1.0)
BATCH = 64


def reconstruction_errors(
    model: Wolf, images: Array, labels: Array | None = None
) -> dict[str, float]:
    """Return the errors of decode(encode(x)), a dict of numbers.

    Args:
        model: a `Wolf`.
        images: uint8 `[num_images, height, width, channels]`.
        labels: integers `[num_images]`; only used by a model whose z comes from labels.

    Returns:
        `num_images`; `num_not_exact`, images with a wrong pixel at the model's number of bits;
            `max_pixel_error` and `mean_pixel_error` in 0..255, above 8 bits in 0..65535;
            `white`, 65535, only then; `max_round_trip_error`, max|f^-1(f(x)) - x| with x in
            [-1, 1]. Of continuous values only the number of images and the last, in standard
            deviations.
    """
    z, v = model.encode(images, labels)
    x = model.bin_centers(images)
    condition = model.flow_condition(z, model.condition_of(images))
    back = model.flow.inverse_and_log_det(v, condition)[0]
    round_trip = {'max_round_trip_error': float(tf.reduce_max(tf.abs(back - x)))}
    if model.values.is_continuous:
        return {'num_images': len(x), **round_trip}
    expected = model.values.to_images(x).numpy().astype(int)
    error = np.abs(model.values.to_images(back).numpy().astype(int) - expected)
    return {
        'num_images': len(error),
        'num_not_exact': int(error.reshape(len(error), -1).any(axis=1).sum()),
        'max_pixel_error': int(error.max()),
        'mean_pixel_error': float(error.mean()),
        **round_trip,
        **({} if model.color_bits <= 8 else {'white': 65535}),
    }


def non_finite_samples(
    model: Wolf, num_samples: int, seed: int, images: Array | None = None
) -> dict[str, float]:
    """Return `{temperature: fraction of samples with a value that is not finite}`.

    A flow can generate values that overflow. They are counted before the conversion to pixels,
    where they would look like black or white.

    Args:
        model: a `Wolf`.
        num_samples: samples per temperature; every temperature scales the same noise of v and z,
            that of `Wolf.sample`.
        seed: integer.
        images: uint8 `[num_images, height, width, channels]`, whose conditions the samples have in
            turn; required for a model with a condition, not used for others.
    """
    coder = Coder(model, min(BATCH, num_samples))
    condition = None if images is None else conditions_of(model, images, num_samples)

    def finite(temperature: float) -> np.ndarray:
        return draw_samples(
            coder, num_samples, seed, temperature, temperature, condition=condition
        ).finite

    return {str(temperature): float(1 - finite(temperature).mean()) for temperature in TEMPERATURES}


def finite_samples(model: Wolf, num_samples: int, seed: int) -> ArraySplit:
    """Return the finite samples of the model at temperature 1 as a `Split` with their labels.

    Args:
        model: a `Wolf`.
        num_samples: number of samples to draw.
        seed: integer.
    """
    decoded = draw_samples(Coder(model, min(BATCH, num_samples)), num_samples, seed)
    images, finite = decoded.images[decoded.finite], decoded.finite
    labels = np.full(num_samples, -1)
    if model.latent.needs_labels:
        # In a graph: drawing labels one by one is slow in Python.
        draw = tf.function(lambda pairs: sample_labels(model.latent, pairs), autograph=False)
        labels = draw(image_seeds(seed, num_samples)).numpy()
    return ArraySplit(
        lambda: (images, labels[finite]),
        len(images),
        model.image_shape,
        image_type=model.values.image_type.name,
    )
