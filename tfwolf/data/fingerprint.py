"""Fingerprints of data: checksums of the images that a result belongs to."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfwolf.data.dataset import Split
from tfwolf.data.pipeline import evaluation_batches

BATCH = 256


def data_fingerprint(split: Split, progress: Callable[[int], object] | None = None) -> str:
    """Return the hexadecimal SHA-256 of the shape and the bytes of all images, in their order.

    Args:
        split: `Split` of uint8 images.
        progress: optional function that is called with the number of images in each step.

    Raises:
        ValueError: if the split is empty or an image cannot be read.
    """
    digest, done = hashlib.sha256(), 0
    try:
        for batch in evaluation_batches(split, min(BATCH, split.num_examples)):
            images = batch['image'].numpy()[batch['mask'].numpy()]
            if not done:
                digest.update(repr(images.shape[1:]).encode())
            digest.update(np.ascontiguousarray(images).tobytes())
            done += len(images)
            if progress:
                progress(len(images))
    except tf.errors.OpError as error:
        raise ValueError(
            f'An image after number {done} of {split.num_examples} cannot be read: {error.message}'
        ) from error
    return digest.hexdigest()
