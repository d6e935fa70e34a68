"""The two sides of a Frechet distance: moments of the features of samples, of images of a data set,
and of other images.
"""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np

from tfwolf.analysis.coder import Coder
from tfwolf.analysis.sampling import draw_samples
from tfwolf.data.dataset import ImageDataset
from tfwolf.data.fingerprint import data_fingerprint
from tfwolf.data.sources import load_dataset
from tfwolf.metrics.feature_moments import FeatureMoments, images_of_splits, moments_of_images
from tfwolf.metrics.frechet import Moments
from tfwolf.metrics.image_features import Extractor

CHUNK = 1024


class SampleMoments(NamedTuple):
    """Moments of the features of samples; and how many samples were not finite, which count as the
    images that they decode to.
    """

    moments: Moments
    num_not_finite: int


def reference_moments(
    dataset: ImageDataset, split: str, extractor: Extractor, count: int | None = None
) -> FeatureMoments:
    """Returns the `FeatureMoments` of images of a data set.

    Args:
        dataset: an `ImageDataset`.
        split: 'train', which includes the validation images, or 'test'.
        extractor: an `Extractor`.
        count: how many of the first images; None for all.

    Raises:
        ValueError: if there are not as many.
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
            f'--num_reference must be at most {total:,}, the images of {dataset.title}, {split}; '
            f'got {count:,}.'
        )
    first = splits[0].take(min(count, splits[0].num_examples))
    splits = [
        first,
        *(
            part.take(count - first.num_examples)
            for part in splits[1:]
            if count > first.num_examples
        ),
    ]
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
    """Returns the `SampleMoments` of samples of a model; arguments as in `draw_samples`."""
    not_finite = []

    def batches():
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

    return SampleMoments(
        moments_of_images(extractor, batches(), num_samples, 'Features of samples'), sum(not_finite)
    )


def moments_of_path(path: str, extractor: Extractor, image_shape: tuple[int, int, int]) -> Moments:
    """Returns the `Moments` of the features of a folder of image files, or of `images` in a NumPy
    archive.

    Args:
        path: of the folder or the archive.
        extractor: an `Extractor`.
        image_shape: (height, width, channels) that the images must have; resizing them would change
            the distance.

    Raises:
        ValueError: if they cannot be read or have another size.
    """
    height, width, channels = image_shape
    if os.path.isfile(path):
        images = _images_of_archive(path)
    else:
        found = load_dataset(f'folder:{path}', validation_size=0, channels=channels)
        # Some are held out as test, wherever they lie; together they are all.
        images = np.concatenate(
            list(
                images_of_splits(
                    [split for split in (found.train, found.test) if split.num_examples]
                )
            )
        )
    if images.shape[1:3] != (height, width):
        raise ValueError(
            f'The images of {path} are {images.shape[1]}x{images.shape[2]} (height x width), and '
            f'the model is for {height}x{width}. '
            'Resizing them would change the distance; give images of that size.'
        )
    return moments_of_images(extractor, [images], len(images), f'Features of {path}')


def _images_of_archive(path: str) -> np.ndarray:
    """Returns the array `images` of an archive as `tools/sample.py --save=npz` writes it."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            images = archive['images']
    except Exception as error:  # of zipfile, zlib and NumPy, each of another kind
        raise ValueError(
            f'{path} cannot be read as a NumPy archive with `images`: {error}.'
        ) from error
    if images.dtype != np.uint8 or images.ndim != 4 or len(images) < 2:
        raise ValueError(
            f'{path}: `images` must be uint8 [num_images, height, width, channels], at least two; '
            f'got {images.dtype} {images.shape}.'
        )
    return images
