"""Moments of features for a Frechet distance: of samples, of a data set, and of other images."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from tfwolf.analysis.coder import Coder
from tfwolf.analysis.sampling import draw_samples
from tfwolf.data.dataset import ImageDataset, Split
from tfwolf.data.fingerprint import data_fingerprint
from tfwolf.data.sources import load_dataset
from tfwolf.metrics.extractor import Extractor
from tfwolf.metrics.feature_moments import FeatureMoments, images_of_splits, moments_of_images
from tfwolf.metrics.frechet import Moments, frechet_distance_of_features

# Samples that are in memory at a time.
CHUNK = 1024


class SampleMoments(NamedTuple):
    """Moments of the features of samples.

    Attributes:
        moments: `Moments` of all samples.
        num_not_finite: number of samples that are not finite; they count as the images that they
            decode to.
    """

    moments: Moments
    num_not_finite: int


def reference_moments(
    dataset: ImageDataset, split: str, extractor: Extractor, count: int | None = None
) -> FeatureMoments:
    """Return the `FeatureMoments` of images of a data set.

    Args:
        dataset: an `ImageDataset`.
        split: 'train', which includes the validation images, or 'test'.
        extractor: an `Extractor`.
        count: number of images, the first ones; None for all.

    Raises:
        ValueError: if `count` is larger than the number of images.
    """
    splits = [
        part
        for part in ([dataset.train, dataset.validation] if split == 'train' else [dataset.test])
        if part.num_examples
    ]
    total = sum(part.num_examples for part in splits)
    count = count or total
    if count > total:
        raise ValueError(
            f'--num_reference must be at most {total:,}, the number of images of {dataset.title}, '
            f'{split}; got {count:,}.'
        )
    splits = _first_images(splits, count)
    source = {
        'dataset': dataset.name,
        'version': dataset.version,
        'split': split,
        'data_fingerprint': [data_fingerprint(part) for part in splits],
    }
    moments = moments_of_images(
        extractor, images_of_splits(splits), count, f'Features of {dataset.title}, {split}'
    )
    return FeatureMoments(moments, extractor.identity, source)


def sample_moments(
    coder: Coder,
    extractor: Extractor,
    num_samples: int,
    seed: int,
    temperature_v: float = 1.0,
    temperature_z: float = 1.0,
) -> SampleMoments:
    """Return the `SampleMoments` of samples of a model; arguments as in `draw_samples`.

    Raises:
        ValueError: if the model has a condition.
    """
    coder.model.check_unconditional('The distance of samples')
    not_finite = []

    def batches() -> Iterator[np.ndarray]:
        for first in range(0, num_samples, CHUNK):
            decoded = draw_samples(
                coder,
                min(CHUNK, num_samples - first),
                seed,
                temperature_v,
                temperature_z,
                first=first,
            )
            not_finite.append(int((~decoded.finite).sum()))
            yield decoded.images

    moments = moments_of_images(extractor, batches(), num_samples, 'Features of samples')
    return SampleMoments(moments, sum(not_finite))


def moments_of_path(path: str, extractor: Extractor, image_shape: tuple[int, int, int]) -> Moments:
    """Return the `Moments` of the features of the images in a folder or a NumPy archive.

    Args:
        path: folder of image files, or an archive with the array `images`.
        extractor: an `Extractor`.
        image_shape: required (height, width, channels); resizing would change the distance.

    Raises:
        ValueError: if the images cannot be read or have another size.
    """
    height, width, channels = image_shape
    if os.path.isfile(path):
        images = _images_of_archive(path)
    else:
        dataset = load_dataset(f'folder:{path}', validation_size=0, channels=channels)
        # Some are held out as test images; both splits together are all images.
        splits = [split for split in (dataset.train, dataset.test) if split.num_examples]
        images = np.concatenate(list(images_of_splits(splits)))
    if images.shape[1:3] != (height, width):
        raise ValueError(
            f'The images of {path} are {images.shape[1]}x{images.shape[2]} (height x width), and '
            f'the model is for {height}x{width}. Resizing would change the distance; use images '
            'of that size.'
        )
    return moments_of_images(extractor, [images], len(images), f'Features of {path}')


def pixel_distances(sets: Mapping[str, np.ndarray], reference: np.ndarray) -> dict[str, float]:
    """Return the Frechet distance of the pixels of each set of images from reference images.

    Args:
        sets: `{name: images}`, uint8 `[num_images, height, width, channels]`, at least two each.
        reference: uint8 `[num_reference, height, width, channels]`, at least two.
    """

    def pixels(images: np.ndarray) -> np.ndarray:
        # Color values in [0, 1], as the extractor of that name, but for images of any size.
        return images.reshape(len(images), -1) / 255.0

    of_reference = pixels(reference)
    return {
        name: frechet_distance_of_features(pixels(images), of_reference)
        for name, images in sets.items()
    }


def _first_images(splits: list[Split], count: int) -> list[Split]:
    """Return splits with the first `count` images of one or two splits together."""
    first = splits[0].take(min(count, splits[0].num_examples))
    rest = count - first.num_examples
    return [first, *(part.take(rest) for part in splits[1:] if rest)]


def _images_of_archive(path: str) -> np.ndarray:
    """Return the array `images` of an archive as `tfwolf sample --save=npz` writes it."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            images = archive['images']
    except Exception as error:  # zipfile, zlib and NumPy raise different classes
        raise ValueError(
            f'{path} cannot be read as a NumPy archive with `images`: {error}.'
        ) from error
    if images.dtype != np.uint8 or images.ndim != 4 or len(images) < 2:
        raise ValueError(
            f'{path}: `images` must be uint8 [num_images, height, width, channels], at least two; '
            f'got {images.dtype} {images.shape}.'
        )
    return images
