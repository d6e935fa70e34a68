"""The distance between two sets of images in how likely a model finds them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing
import scipy.stats

from tfwolf.core import validate

# A one-sided and a two-sided level of 95 %.
CHANCE_QUANTILE = 0.95
INTERVAL = (0.025, 0.975)


class LikelihoodDistance(NamedTuple):
    """How far the bits/dim of images are from those of reference images.

    Attributes:
        distance: the Wasserstein-1 distance between the two distributions of bits/dim, in
            bits/dim; 0 if these are equal.
        by_chance: the distance that as many images of the reference's distribution exceed with a
            probability of 5 %.
        ratio: mean bits/dim of the images by that of the reference images; 1 if these are equal,
            above 1 for images that are less likely.
        ratio_low, ratio_high: bootstrap interval of 95 % of the ratio.
    """

    distance: float
    by_chance: float
    ratio: float
    ratio_low: float
    ratio_high: float


def likelihood_distance(
    bits: np.typing.ArrayLike,
    reference_bits: np.typing.ArrayLike,
    seed: int = 0,
    num_resamples: int = 1000,
) -> LikelihoodDistance:
    """Return the `LikelihoodDistance` of images from reference images, under one model.

    The ratio is the flow-based likelihood distance (FLD). It compares means only, and goes up with
    noise but down with blur. The distance

        W = integral over b of |F(b) - F_reference(b)|,

    with the distribution functions F of bits/dim, goes up with both, and also if the images are as
    likely on average but more or less spread. Both need only one number of each image, and are
    therefore stable for a few hundred images. Sets of different images that are equally likely have
    distance 0.

    `by_chance` is the distance of two sets of these sizes, both drawn from the reference images
    with replacement.

    Args:
        bits, reference_bits: bits/dim of the images, `[num_images]` and `[num_reference]`, finite,
            at least two each.
        seed: integer, for what is drawn at random.
        num_resamples: resampled pairs of sets, at least 1.

    Raises:
        ValueError: if a set has fewer than two images or a value that is not finite, or
            `num_resamples` is not a positive integer.

    Reference: Jeevan, Nixon and Sethi, "Normalizing Flow-Based Metric for Image Generation", 2024,
        for the ratio, as their program computes it.

    >>> found = tfwolf.likelihood_distance([4.0, 5.0, 6.0], [3.0, 4.0, 5.0])
    >>> found.distance, found.ratio
    (1.0, 1.25)
    """
    validate.integer('num_resamples', num_resamples, minimum=1)
    of_images, of_reference = _bits('bits', bits), _bits('reference_bits', reference_bits)
    random = np.random.default_rng(seed)
    distances, ratios = [], []
    for _ in range(num_resamples):
        reference = random.choice(of_reference, len(of_reference))
        usual = random.choice(of_reference, len(of_images))
        distances.append(scipy.stats.wasserstein_distance(usual, reference))
        ratios.append(random.choice(of_images, len(of_images)).mean() / reference.mean())
    low, high = np.quantile(ratios, INTERVAL)
    return LikelihoodDistance(
        float(scipy.stats.wasserstein_distance(of_images, of_reference)),
        float(np.quantile(distances, CHANCE_QUANTILE)),
        float(of_images.mean() / of_reference.mean()),
        float(low),
        float(high),
    )


def _bits(name: str, values: np.typing.ArrayLike) -> np.ndarray:
    found = np.asarray(values, np.float64)
    if found.ndim != 1 or len(found) < 2:
        raise ValueError(f'`{name}` must be [num_images], at least two; got {list(found.shape)}.')
    if not np.isfinite(found).all():
        raise ValueError(
            f'`{name}` must be finite; {int((~np.isfinite(found)).sum())} of {len(found)} values '
            'are not.'
        )
    return found
