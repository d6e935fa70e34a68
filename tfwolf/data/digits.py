"""scikit-learn's 1,797 handwritten digits, 8 x 8 grey: real images that need no download."""

from __future__ import annotations

import numpy as np

from tfwolf.data import dataset, holdout
from tfwolf.data.registry import register_source

NUM_TRAINING = 1437
NUM_TEST = 360


@register_source('digits')
def load_digits(
    validation_size: holdout.PartSize = holdout.VALIDATION_SIZE,
) -> dataset.ImageDataset:
    """Returns the digits as an `ImageDataset`: 1437 images for training and validation, 360 for
    test.

    Images are uint8 `[8, 8, 1]`, 17 times scikit-learn's values with 16 taken as 15; labels are
    0..9.

    Args:
        validation_size: see `sources.load_dataset`.

    Raises:
        ValueError: if `validation_size` does not fit.
    """
    training = dataset.ArraySplit(lambda: _arrays(slice(None, -NUM_TEST)), NUM_TRAINING, (8, 8, 1))
    test = dataset.ArraySplit(lambda: _arrays(slice(-NUM_TEST, None)), NUM_TEST, (8, 8, 1))
    train, validation = holdout.split_validation(training, validation_size)
    return dataset.ImageDataset('digits', (8, 8, 1), 10, train, validation, test)


def _arrays(part: slice) -> tuple[np.ndarray, np.ndarray]:
    import sklearn.datasets  # takes a second to import

    digits = sklearn.datasets.load_digits()
    # RandomState's streams are frozen across NumPy versions.
    order = np.random.RandomState(0).permutation(NUM_TRAINING + NUM_TEST)[part]
    images = 17 * np.minimum(digits.images, 15).astype(np.uint8)
    return images[order, :, :, None], digits.target[order]
