"""A named function from images to features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

# The covariance of more features takes gigabytes.
MAX_FEATURES = 8192


class Extractor(NamedTuple):
    """A function from images to features, and its identity.

    Attributes:
        name: 'inception2015', 'keras', 'pixels' or 'module:function'.
        compute: function from uint8 `[batch, height, width, channels]` to `[batch, dim]`.
        resize: how images are resized for the function.
        weights_sha256: SHA-256 of the file of its weights or of its source; None if there is none.
        comparable: whether distances are comparable with those in papers.
    """

    name: str
    compute: Callable[[np.ndarray], Any]
    resize: str
    weights_sha256: str | None = None
    comparable: bool = False

    @property
    def identity(self) -> dict[str, Any]:
        """What two extractors must share for their features to be compared, a dict for JSON."""
        return {'name': self.name, 'weights_sha256': self.weights_sha256, 'resize': self.resize}

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return the features of images, float64 `[batch, dim]`.

        Raises:
            ValueError: if they are not one row of at most 8,192 numbers for each image.
        """
        features = np.asarray(self.compute(np.asarray(images)))
        if (
            features.ndim != 2
            or len(features) != len(images)
            or not 1 <= features.shape[1] <= MAX_FEATURES
        ):
            raise ValueError(
                f'The features {self.name!r} must be [batch, dim] with dim at most '
                f'{MAX_FEATURES:,}; got {features.shape} for {len(images)} images of shape '
                f'{tuple(images.shape[1:])}.'
            )
        return features.astype(np.float64)
