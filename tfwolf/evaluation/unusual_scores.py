"""Scores of how unusual images are for a model; larger is more unusual."""

from __future__ import annotations

import numpy as np

from tfwolf.evaluation.outliers import coded_bits_per_dim, typicality
from tfwolf.models.wolf import Wolf

BITS = 'bits_per_dim'
TYPICALITY = 'absolute_typicality'
CORRECTED = 'complexity_corrected_bits_per_dim'
RATIO = 'ratio_bits_per_dim'
# What each score is, for people.
SCORES = {
    BITS: 'bits/dim of the model, which rank simple images as usual',
    TYPICALITY: "distance of bits/dim from those of the model's samples, in standard deviations",
    CORRECTED: 'bits/dim, less those of a lossless file',
    RATIO: 'bits/dim, less those of the model of the background',
}


def unusual_scores(
    images: np.ndarray,
    bits: np.ndarray,
    num_bits: int,
    samples_bits: np.ndarray | None = None,
    background_bits: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Return the scores of images, `{name in SCORES: [num_images]}`, those that can be computed.

    Args:
        images: uint8 `[num_images, height, width, channels]`.
        bits: bits/dim of the images, `[num_images]`.
        num_bits: bits per color value of the model, 1 to 8.
        samples_bits: bits/dim of samples of the model, at least two, for typicality.
        background_bits: bits/dim of the images in a model of the background, `[num_images]`.

    Reference: typicality: Nalisnick et al., 2019, arXiv:1906.02994; correction for complexity:
        Serra et al., 2020, arXiv:1909.11480; ratio: Ren et al., "Likelihood Ratios for
        Out-of-Distribution Detection", 2019, arXiv:1906.02845.
    """
    found = {BITS: bits}
    if samples_bits is not None:
        found[TYPICALITY] = np.abs(typicality(bits, samples_bits))
    found[CORRECTED] = bits - coded_bits_per_dim(images, num_bits)
    if background_bits is not None:
        found[RATIO] = bits - background_bits
    return found


def check_background(model: Wolf, background: Wolf) -> None:
    """Check that two models are of the same images, so that their bits/dim can be subtracted.

    Raises:
        ValueError: if they are not.
    """
    for name in ('image_shape', 'num_bits'):
        own, other = getattr(model, name), getattr(background, name)
        if own != other:
            raise ValueError(
                f'The model of the background must be of the same images, with {name}={own}; got '
                f'{name}={other}.'
            )
