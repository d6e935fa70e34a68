"""Vectors of features as a data set: images of one pixel with continuous values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfwolf.data import dataset, identities
from tfwolf.data.array_split import ArraySplit

# A feature must not be rounded by more than this share of its standard deviation.
MAX_ROUNDING = 1e-3


def vector_shape(features: int) -> tuple[int, int, int]:
    """Return (1, 1, features), the shape of a vector as an image."""
    return 1, 1, features


def are_vectors(array: np.ndarray) -> bool:
    """Return whether an array is one of vectors: `[n, features]`, not uint8 as a grey image is."""
    return array.ndim == 2 and array.dtype != np.uint8


def as_images(vectors: np.ndarray) -> np.ndarray:
    """Return vectors `[n, features]` as float32 `[n, 1, 1, features]`."""
    return np.asarray(vectors, np.float32)[:, None, None]


def as_vectors(images: np.ndarray) -> np.ndarray:
    """Return images of one pixel, `[n, 1, 1, features]`, as vectors `[n, features]`."""
    return np.asarray(images).reshape(len(images), -1)


def vector_split(name: str, vectors: np.ndarray, features: Sequence[str]) -> ArraySplit:
    """Return a split of vectors after checking them.

    Args:
        name: name of the array or file in messages.
        vectors: numbers `[n, features]`.
        features: names of the features in messages.

    Raises:
        ValueError: if the array is empty, its values are not finite real numbers, or float32 cannot
            hold a feature, because it is far from 0 in units of its standard deviation.
    """
    vectors = np.asarray(vectors)
    if vectors.ndim != 2 or 0 in vectors.shape or vectors.dtype.kind not in 'buif':
        raise ValueError(
            f'{name} must be real numbers [n, features] and not empty; got {vectors.dtype} '
            f'{vectors.shape}.'
        )
    bad = np.argwhere(~np.isfinite(vectors))
    if len(bad):
        row, column = map(int, bad[0])
        raise ValueError(
            f'{name} must be finite numbers; got {vectors[row, column]} in row {row} (from 0), '
            f'feature {features[column]}, and {len(bad) - 1:,} more. Remove or impute missing '
            'values first.'
        )
    vectors = vectors.astype(np.float64)
    std, largest = vectors.std(axis=0), np.abs(vectors).max(axis=0)
    # Constant features are refused with their split, by the model.
    rounded = (std > 0) & (largest * np.finfo(np.float32).eps > MAX_ROUNDING * std)
    if rounded.any():
        column = int(np.flatnonzero(rounded)[0])
        raise ValueError(
            f'{name}: the feature {features[column]} is up to {largest[column]:g} with a standard '
            f'deviation of {std[column]:g}, which float32 cannot tell apart. Subtract a constant, '
            f'such as {np.round(vectors[:, column].mean()):g}.'
        )
    images = as_images(vectors)
    return ArraySplit(
        lambda: (images, None),
        len(images),
        images.shape[1:],
        identities.of_arrays(images, None),
        'float32',
    )


def vector_dataset(
    name: str,
    splits: tuple[dataset.Split, dataset.Split, dataset.Split],
    features: Sequence[str],
    notes: Sequence[str] = (),
    entropy_nats: float | None = None,
) -> dataset.ImageDataset:
    """Return the `ImageDataset` of vectors.

    Args:
        name: name of the data set.
        splits: (train, validation, test).
        features: names of the features.
        notes, entropy_nats: see `ImageDataset`.
    """
    return dataset.ImageDataset(
        name,
        vector_shape(len(features)),
        None,
        *splits,
        notes=tuple(notes),
        image_type='float32',
        features=tuple(features),
        entropy_nats=entropy_nats,
    )
