"""Which images a result belongs to."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfwolf.data.dataset import Split
from tfwolf.data.pipeline import evaluation_batches

BATCH = 256


def data_fingerprint(split: Split, progress: Callable[[int], object] | None = None) -> str:
    """Returns the SHA-256, in hexadecimal, of all images of a `Split` in their order: shape, then
    bytes.

    Args:
        split: `Split` of uint8 images.
        progress: called with the number of images done; optional.

    Raises:
        ValueError: if an image cannot be read.
    """
    digest, done = None, 0
    try:
        for batch in evaluation_batches(split, min(BATCH, split.num_examples)):
            images = batch['image'].numpy()[batch['mask'].numpy()]
            digest = digest or hashlib.sha256(repr(images.shape[1:]).encode())
            digest.update(np.ascontiguousarray(images).tobytes())
            done += len(images)
            if progress:
                progress(len(images))
    except tf.errors.OpError as error:
        raise ValueError(
            f'One of the images after number {done} of {split.num_examples} cannot be read: '
            f'{error.message}'
        ) from error
    return digest.hexdigest()
