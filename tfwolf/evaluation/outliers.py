"""How unusual an image is for the model: typicality and a score corrected for complexity.

Raw likelihood does not rank images by how unusual they are.
"""

from __future__ import annotations

import concurrent.futures
import io
from collections.abc import Callable

import numpy as np
import scipy.stats

from tfwolf.data import preprocess
from tfwolf.models.generation import Array

# Lossless coders and their options; the shorter file of an image counts.
CODERS = {'PNG': {'optimize': True}, 'WEBP': {'lossless': True, 'method': 4}}


def typicality(images_bits_per_dim: np.ndarray, samples_bits_per_dim: np.ndarray) -> np.ndarray:
    """Return the distance of images from the model's samples, `[num_images]`; 0 is typical.

    It is `(b - mean(s)) / std(s)` for the bits per dimension b of an image and s of the samples,
    in standard deviations. Positive: the image is less likely under the model than its samples.
    Negative: it is more likely, which is just as unusual.

    Args:
        images_bits_per_dim: `[num_images]`.
        samples_bits_per_dim: `[num_samples]`; values that are not finite are ignored, and at least
            two finite ones are required.

    Raises:
        ValueError: if fewer than two samples are finite.

    Reference: Nalisnick, Matsukawa, Teh and Lakshminarayanan, "Detecting Out-of-Distribution Inputs
        to Deep Generative Models Using Typicality", 2019, arXiv:1906.02994, section 3.
    """
    finite = samples_bits_per_dim[np.isfinite(samples_bits_per_dim)]
    if len(finite) < 2:
        raise ValueError(
            f'`samples_bits_per_dim` must have at least two finite values; got {len(finite)} of '
            f'{len(samples_bits_per_dim)}.'
        )
    return (images_bits_per_dim - finite.mean()) / finite.std(ddof=1)


def extreme_images(bits_per_dim: np.ndarray, most: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Return positions of the most likely and of the least likely images, the most extreme first.

    There are as many of both, at most half of the images; of one image, it is both. Equal images
    keep their order among the most likely.

    Args:
        bits_per_dim: `[num_images]`, at least one.
        most: of each.

    Raises:
        ValueError: if there are no images.
    """
    if not len(bits_per_dim):
        raise ValueError('`bits_per_dim` must have at least one image; got none.')
    order = np.argsort(bits_per_dim, kind='stable')
    count = min(most, max(1, len(order) // 2))
    return order[:count], order[::-1][:count]


def coded_bits_per_dim(
    images: Array, num_bits: int, progress: Callable[[int], object] | None = None
) -> np.ndarray:
    """Return the bits per dimension of images in a lossless coder's file, `[num_images]`.

    The length of the file of a blank image is subtracted for each coder, to exclude headers.

    Args:
        images: uint8 `[num_images, height, width, channels]`; images with other than 3 channels
            are coded as one grey image, with their channels next to each other.
        num_bits: bits per color value that are coded, 1 to 8: those of the model.
        progress: called with 1 for every finished image; optional.
    """
    bins = preprocess.to_bins(images, num_bits).numpy().astype(np.uint8)
    blank = [_file_length(np.zeros_like(bins[0]), coder) for coder in CODERS]

    def shortest(image: np.ndarray) -> int:
        return min(_file_length(image, coder) - length for coder, length in zip(CODERS, blank))

    lengths = []
    # Threads, because Pillow releases Python's global lock while it codes.
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for length in pool.map(shortest, bins):
            lengths.append(length)
            if progress:
                progress(1)
    return 8.0 * np.array(lengths) / bins[0].size


def likelihood_caveat(images_bits_per_dim: np.ndarray, coded: np.ndarray) -> tuple[float, str]:
    """Return the rank correlation of bits per dimension with a coder's, and a line to explain it.

    The correlation is NaN if it is undefined.

    Args:
        images_bits_per_dim: `[num_images]`.
        coded: `[num_images]`, from `coded_bits_per_dim`.

    Reference: Serra et al., "Input complexity and out-of-distribution detection with
        likelihood-based generative models", 2020, arXiv:1909.11480, section 3.
    """
    correlation, measured = np.nan, ''
    if min(np.ptp(images_bits_per_dim), np.ptp(coded)) != 0:
        ranks = scipy.stats.spearmanr(images_bits_per_dim, coded)
        correlation = float(ranks.statistic)  # pyright: ignore[reportAttributeAccessIssue]
    if not np.isnan(correlation):
        measured = (
            ' (rank correlation with the length of a lossless file over these images: '
            f'{correlation:.2f})'
        )
    return correlation, (
        'Bits per dimension compare models on the same images. They do not rank images: simple '
        'images are likely under every flow, whether they are from the data or '
        f'not{measured}. To rank images, use the distance from typicality or the '
        'complexity-corrected score.'
    )


def _file_length(image: np.ndarray, coder: str) -> int:
    from PIL import Image

    if image.shape[-1] != 3:
        image = np.concatenate(np.split(image, image.shape[-1], axis=-1), axis=1)[..., 0]
    file = io.BytesIO()
    Image.fromarray(image).save(file, coder, **CODERS[coder])
    return file.tell()
