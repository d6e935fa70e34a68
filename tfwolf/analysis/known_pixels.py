"""Which pixels of images are known, and what stands in for the others."""

from __future__ import annotations

import numpy as np

from tfwolf.models.generation import Array


def checked(known: Array, images: np.ndarray) -> np.ndarray:
    """Return the known pixels, bool `[num_images, height, width, 1]`.

    Args:
        known: bool `[num_images, height, width]` or `[height, width]`.
        images: `[num_images, height, width, channels]`.

    Raises:
        ValueError: if `known` has another shape or type.
    """
    known = np.asarray(known)
    if known.dtype != bool or known.shape not in (images.shape[1:3], images.shape[:3]):
        raise ValueError(
            f'`known` must be bool {list(images.shape[1:3])} or {list(images.shape[:3])}; got '
            f'{known.dtype} {list(known.shape)}.'
        )
    return np.broadcast_to(known, images.shape[:3])[..., np.newaxis]


def filled(images: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return images whose unknown pixels have the mean of the known ones, or 128.

    Args:
        images: uint8 `[num_images, height, width, channels]`.
        known: bool `[num_images, height, width, 1]`.
    """
    count = known.sum(axis=(1, 2), keepdims=True)
    total = (images * known).sum(axis=(1, 2), keepdims=True, dtype=float)
    mean = np.where(count > 0, total / np.maximum(count, 1), 128)
    return np.where(known, images, np.rint(mean)).astype(np.uint8)
