"""Mean and covariance of the features of images, and files that store them with their source."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfwolf.core.files import atomic_path
from tfwolf.core.progress import progress_bar
from tfwolf.data.dataset import Split
from tfwolf.metrics.extractor import Extractor
from tfwolf.metrics.frechet import Moments, RunningMoments

BATCH = 64


class FeatureMoments(NamedTuple):
    """Moments of features, and their source.

    Attributes:
        moments: `Moments`.
        extractor: the `identity` of the extractor, a dict.
        source: description of the images, a dict for JSON.
    """

    moments: Moments
    extractor: dict[str, Any]
    source: dict[str, Any]

    def check_same_extractor(self, identity: dict[str, Any]) -> None:
        """Check that these features are comparable with those of another extractor.

        Args:
            identity: the `identity` of the other extractor.

        Raises:
            ValueError: if they are not.
        """
        if self.extractor != identity:
            differ = [
                f'{name}: {self.extractor.get(name)} there, {identity.get(name)} here'
                for name in sorted({*self.extractor, *identity})
                if self.extractor.get(name) != identity.get(name)
            ]
            raise ValueError(
                'The reference statistics are of other features, and a distance between different '
                f'features is meaningless. They differ in {"; ".join(differ)}. Compute them again, '
                'or use the same --features.'
            )


def moments_of_images(
    extractor: Extractor, batches: Iterable[np.ndarray], count: int, description: str
) -> Moments:
    """Return the `Moments` of the features of images.

    Args:
        extractor: an `Extractor`.
        batches: iterable of uint8 images `[batch, height, width, channels]`.
        count: total number of images, for the progress bar.
        description: label of the progress bar.

    Raises:
        ValueError: if a feature is not finite.
    """
    running = RunningMoments()
    with progress_bar(count, 0, description, 'image', delay=3) as bar:
        for images in batches:
            for first in range(0, len(images), BATCH):
                part = images[first : first + BATCH]
                running.add(extractor(part))
                bar.update(len(part))
    return running.moments()


def images_of_splits(splits: Sequence[Split]) -> Iterator[np.ndarray]:
    """Yield the images of several splits in order, uint8 `[batch, height, width, channels]`."""
    for split in splits:
        for first in range(0, split.num_examples, BATCH):
            yield split.load(
                tf.range(first, min(first + BATCH, split.num_examples), dtype=tf.int64)
            )['image'].numpy()


def save_moments(path: str, found: FeatureMoments) -> None:
    """Write `FeatureMoments` as a NumPy archive, atomically."""
    about = json.dumps({'extractor': found.extractor, 'source': found.source})
    with atomic_path(path) as temporary, open(temporary, 'wb') as file:
        np.savez(
            file,
            count=found.moments.count,
            mean=found.moments.mean,
            covariance=found.moments.covariance,
            about=about,
        )


def load_moments(path: str) -> FeatureMoments:
    """Return the `FeatureMoments` of a file.

    Raises:
        ValueError: if the file does not exist or has other contents.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            about = json.loads(str(archive['about']))
            moments = Moments(int(archive['count']), archive['mean'], archive['covariance'])
            return FeatureMoments(moments, about['extractor'], about['source'])
    except Exception as error:  # a damaged archive raises errors of many types
        raise ValueError(
            f'{path} cannot be read as statistics of features: {error}. Such files are written by '
            '`tfwolf fid --save_statistics`.'
        ) from error
