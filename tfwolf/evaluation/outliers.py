"""How unusual an image is for the model: by typicality and by a score corrected for complexity,
because raw likelihood misranks.
"""

from __future__ import annotations

import concurrent.futures
import io
from collections.abc import Callable

import numpy as np
import scipy.stats

from tfwolf.data import preprocess
from tfwolf.models.generation import Array

# Lossless; the shorter file counts.
CODERS = {'PNG': {'optimize': True}, 'WEBP': {'lossless': True, 'method': 4}}


def typicality(images_bits_per_dim: np.ndarray, samples_bits_per_dim: np.ndarray) -> np.ndarray:
    """Returns the distance of each image from the model's own samples, `[num_images]`, in standard
    deviations; 0 is typical.

    `(b - mean(s)) / std(s)` for the bits per dimension b of an image and s of the samples.
        Positive: the model finds the image less
    likely than what it draws itself; negative: more likely, which is just as unusual.

    Args:
        images_bits_per_dim: `[num_images]`.
        samples_bits_per_dim: `[num_samples]`, of which those that are not finite are left out; two
            finite ones are needed.

    Raises:
        ValueError: if fewer than two samples are finite.

    Reference: Nalisnick, Matsukawa, Teh and Lakshminarayanan, "Detecting Out-of-Distribution Inputs
        to Deep Generative Models Using
    Typicality", 2019, arXiv:1906.02994, section 3.
    """
    finite = samples_bits_per_dim[np.isfinite(samples_bits_per_dim)]
    if len(finite) < 2:
        raise ValueError(
            f'`samples_bits_per_dim` must hold at least two finite values; got {len(finite)} of '
            f'{len(samples_bits_per_dim)}.'
        )
    return (images_bits_per_dim - finite.mean()) / finite.std(ddof=1)


def coded_bits_per_dim(
    images: Array, num_bits: int, progress: Callable[[int], object] | None = None
) -> np.ndarray:
    """Returns the length of each image in a lossless coder's file, `[num_images]`, in bits per
    dimension.

    What the file of a blank image takes is subtracted from each coder's length, so that headers do
    not count.

    Args:
        images: uint8 `[num_images, height, width, channels]`; other channels than 1 or 3 are coded
            side by side, as one grey picture.
        num_bits: bits per colour value that are coded, 1 to 8: what the model sees.
        progress: called with the number of images done; optional.
    """
    bins = preprocess.to_bins(images, num_bits).numpy().astype(np.uint8)
    blank = [_file_length(np.zeros_like(bins[0]), coder) for coder in CODERS]

    def shortest(image):
        return min(_file_length(image, coder) - length for coder, length in zip(CODERS, blank))

    lengths = []
    with concurrent.futures.ThreadPoolExecutor() as pool:  # Pillow codes outside Python's lock
        for length in pool.map(shortest, bins):
            lengths.append(length)
            if progress:
                progress(1)
    return 8.0 * np.array(lengths) / bins[0].size


def likelihood_caveat(images_bits_per_dim: np.ndarray, coded: np.ndarray) -> tuple[float, str]:
    """Returns the rank correlation of bits per dimension with a coder's (NaN where undefined), and
    a line that says what it means.

    Args:
        images_bits_per_dim: `[num_images]`.
        coded: `[num_images]`, from `coded_bits_per_dim`.

    Reference: Serra et al., "Input complexity and out-of-distribution detection with
        likelihood-based generative models", 2020,
    arXiv:1909.11480, section 3.
    """
    constant = min(np.ptp(images_bits_per_dim), np.ptp(coded)) == 0
    correlation = (
        np.nan if constant else float(scipy.stats.spearmanr(images_bits_per_dim, coded).statistic)
    )
    measured = (
        ''
        if np.isnan(correlation)
        else ' (rank correlation with the length of a lossless file, over these images: '
        f'{correlation:.2f})'
    )
    return correlation, (
        'Bits per dimension compare models on the same images. They do not rank images: a simple '
        'image is likely under any flow, '
        f'be it from the data or not{measured}. '
        'To rank images, take the distance from typicality or the complexity-corrected score.'
    )


def _file_length(image, coder):
    from PIL import Image

    if image.shape[-1] != 3:
        image = np.concatenate(np.split(image, image.shape[-1], axis=-1), axis=1)[..., 0]
    file = io.BytesIO()
    Image.fromarray(image).save(file, coder, **CODERS[coder])
    return file.tell()
