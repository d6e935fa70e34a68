"""Generated images for tests: soft colored discs on a gradient."""

from __future__ import annotations

import numpy as np

from tfwolf.core import seeds, validate
from tfwolf.data import dataset, holdout
from tfwolf.data.array_split import ArraySplit
from tfwolf.data.fit import Size, check_size
from tfwolf.data.registry import register_source

NUM_CLASSES = 10


@register_source('synthetic')
def load_synthetic(
    validation_size: holdout.PartSize = holdout.VALIDATION_SIZE,
    image_size: Size | None = None,
    channels: int = 3,
    num_examples: int = 512,
    test_size: holdout.PartSize | None = None,
) -> dataset.ImageDataset:
    """Return generated images, always the same, as an `ImageDataset`.

    The label of an image is the direction of its disc from the center.

    Args:
        validation_size, test_size: see `sources.load_dataset`.
        image_size: (height, width) in pixels.
        channels: number of channels, at least 1.
        num_examples: number of images in all splits, at least 3.

    Raises:
        ValueError: if an argument is out of range.
    """
    if image_size is None:
        raise ValueError(
            'The source `synthetic` needs `image_size`, for example image_size=(32, 32); got None.'
        )
    shape = (*check_size('image_size', image_size), validate.integer('channels', channels, 1))
    total = validate.integer('num_examples', num_examples, 3)
    examples = ArraySplit(lambda: _arrays(total, shape), total, shape)
    training, test = holdout.hold_out(examples, test_size)
    train, validation = holdout.split_validation(training, validation_size)
    return dataset.ImageDataset('synthetic', shape, NUM_CLASSES, train, validation, test)


def _arrays(total: int, shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    rng = seeds.generator(0, 'synthetic images')
    labels = np.arange(total) % NUM_CLASSES
    images = np.empty((total, *shape), np.uint8)
    y, x = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape[:2]), indexing='ij')
    for image, label in zip(images, labels):
        tilt, disc, ground = rng.normal(size=(3, shape[2]))
        angle = 2 * np.pi * (label + rng.uniform(-0.3, 0.3)) / NUM_CLASSES
        distance = np.hypot(y - 0.5 * np.sin(angle), x - 0.5 * np.cos(angle))
        bump = 1 / (1 + np.exp(12 * (distance - rng.uniform(0.2, 0.5))))
        slope = (rng.normal() * y + rng.normal() * x)[..., None]
        value = (
            ground + 0.5 * tilt * slope + 2 * disc * bump[..., None] + 0.05 * rng.normal(size=shape)
        )
        image[...] = np.floor(256 / (1 + np.exp(-value)))
    return images, labels
