"""The 1,797 handwritten digits of scikit-learn, 8x8 grey images; no download is required."""

from __future__ import annotations

import numpy as np

from tfwolf.data import dataset, holdout
from tfwolf.data.array_split import ArraySplit
from tfwolf.data.registry import register_source

NUM_TRAINING = 1437
NUM_TEST = 360


@register_source('digits')
def load_digits(
    validation_size: holdout.PartSize = holdout.VALIDATION_SIZE,
) -> dataset.ImageDataset:
    """Return the digits as an `ImageDataset`.

    1437 images are for training and validation, 360 for test. Images are uint8 `[8, 8, 1]`: the
    values of scikit-learn, clipped at 15, times 17. Labels are 0..9.

    Args:
        validation_size: see `sources.load_dataset`.

    Raises:
        ValueError: if `validation_size` is out of range.
    """
    training = ArraySplit(lambda: _arrays(slice(None, -NUM_TEST)), NUM_TRAINING, (8, 8, 1))
    test = ArraySplit(lambda: _arrays(slice(-NUM_TEST, None)), NUM_TEST, (8, 8, 1))
    train, validation = holdout.split_validation(training, validation_size)
    return dataset.ImageDataset('digits', (8, 8, 1), 10, train, validation, test)


def _arrays(part: slice) -> tuple[np.ndarray, np.ndarray]:
    import sklearn.datasets  # Importing it takes a second.

    pixels, labels = sklearn.datasets.load_digits(return_X_y=True)
    # The streams of RandomState are the same in all NumPy versions.
    order = np.random.RandomState(0).permutation(NUM_TRAINING + NUM_TEST)[part]
    images = 17 * np.minimum(pixels, 15).astype(np.uint8).reshape(-1, 8, 8, 1)
    return images[order], np.asarray(labels)[order]
