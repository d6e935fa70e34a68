"""Samples over temperature, without another network: bits/dim, total variation, whether finite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfwolf.analysis.coder import Coder
from tfwolf.analysis.sampling import draw_samples
from tfwolf.core import seeds, validate
from tfwolf.data.array_split import ArraySplit
from tfwolf.data.dataset import Split
from tfwolf.evaluation.likelihood import image_likelihoods, likelihood_terms
from tfwolf.evaluation.numerics import finite_samples
from tfwolf.models.wolf import Wolf

QUANTILES = (0.1, 0.5, 0.9)


class SampleQuality(NamedTuple):
    """Samples at one temperature of z and v.

    Attributes:
        temperature: the temperature.
        bits: bits/dim under the model at `QUANTILES` of the finite samples; NaN if there are none.
        variation: total variation at `QUANTILES`, likewise.
        share_not_finite: share of samples with a value that is not finite.
    """

    temperature: float
    bits: np.ndarray
    variation: np.ndarray
    share_not_finite: float


def bits_of_split(
    model: Wolf, split: Split, batch_size: int, seed: int, strategy: tf.distribute.Strategy
) -> np.ndarray:
    """Return the bits/dim of each image of a split, `[num_images]`, of one draw of the noise.

    Args:
        model, split, batch_size, seed, strategy: as in `evaluation.likelihood.likelihood_batches`.
    """
    terms = likelihood_terms(model, split, batch_size, 1, seed, strategy)
    return image_likelihoods(terms, model.num_dims)[0]


def bits_of_images(
    model: Wolf, images: np.ndarray, batch_size: int, seed: int, strategy: tf.distribute.Strategy
) -> np.ndarray:
    """Return the bits/dim of images without labels, `[num_images]`.

    Args:
        images: uint8 `[num_images, *model.image_shape]`, at least one.
        model, batch_size, seed, strategy: as in `bits_of_split`.
    """
    split = ArraySplit(lambda: (images, None), len(images), images.shape[1:])
    return bits_of_split(model, split, batch_size, seed, strategy)


def bits_of_finite_samples(
    model: Wolf, num_samples: int, batch_size: int, seed: int, strategy: tf.distribute.Strategy
) -> np.ndarray:
    """Return the finite bits/dim of finite samples at temperature 1, at most `[num_samples]`.

    A finite sample may have bits/dim that are not.

    Args:
        num_samples: number of samples that are drawn.
        model, batch_size, seed, strategy: as in `bits_of_split`.
    """
    samples = finite_samples(model, num_samples, seed)
    if not samples.num_examples:
        return np.empty(0)
    bits = bits_of_split(model, samples, batch_size, seeds.derive(seed, 'samples'), strategy)
    return bits[np.isfinite(bits)]


def total_variation(images: np.ndarray) -> np.ndarray:
    """Return the mean absolute difference of neighboring pixels of each image, `[num_images]`.

    In 0..255, over pairs of pixels below each other and beside each other, and over channels.

    Args:
        images: uint8 `[num_images, height, width, channels]`, at least two pixels each.

    Raises:
        ValueError: if the images have another shape or dtype.
    """
    if np.ndim(images) != 4 or images.dtype != np.uint8 or images.shape[1] * images.shape[2] < 2:
        raise ValueError(
            '`images` must be uint8 [num_images, height, width, channels] with at least two '
            f'pixels; got {images.dtype} {np.shape(images)}.'
        )
    values = images.astype(np.float64)
    differences = [np.abs(np.diff(values, axis=axis)).reshape(len(values), -1) for axis in (1, 2)]
    return np.concatenate(differences, axis=1).mean(axis=1)


def quality_by_temperature(
    coder: Coder,
    temperatures: Sequence[float],
    num_samples: int,
    batch_size: int,
    seed: int,
    strategy: tf.distribute.Strategy,
) -> list[SampleQuality]:
    """Return the `SampleQuality` at each temperature, of the same noise of z and v.

    Args:
        coder: a `Coder` of the model.
        temperatures: of z and v, at least 0.
        num_samples: samples per temperature, at least 1.
        batch_size: images whose bits/dim are computed at once.
        seed: integer.
        strategy: the `tf.distribute` strategy in whose scope the model was made.

    Raises:
        ValueError: if the model has a condition or z of labels, or an argument is invalid.
    """
    model = coder.model
    model.check_unconditional('The quality of samples over temperature')
    if model.latent.needs_labels:
        raise ValueError(
            'The quality of samples over temperature needs a model whose z does not come from '
            f'class labels; got {type(model.latent).__name__}.'
        )
    validate.integer('num_samples', num_samples, minimum=1)
    found = []
    for temperature in temperatures:
        decoded = draw_samples(coder, num_samples, seed, temperature, temperature)
        images = decoded.images[decoded.finite]
        bits, variation = np.empty(0), np.empty(0)
        if len(images):
            own_seed = seeds.derive(seed, 'samples')
            bits = bits_of_images(model, images, batch_size, own_seed, strategy)
            # A finite sample may have a likelihood that is not finite.
            bits, variation = bits[np.isfinite(bits)], total_variation(images)
        found.append(
            SampleQuality(
                float(temperature),
                _quantiles(bits),
                _quantiles(variation),
                float(1 - decoded.finite.mean()),
            )
        )
    return found


def _quantiles(values: np.ndarray) -> np.ndarray:
    return np.quantile(values, QUANTILES) if len(values) else np.full(len(QUANTILES), np.nan)
