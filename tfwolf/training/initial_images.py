"""The first images of a split, from which a model is initialized."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfwolf.data.dataset import Split


def initial_images(split: Split, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first images of a split and their labels.

    Args:
        split: a `Split`.
        count: number of images; all of them if there are fewer.

    Returns:
        Images, uint8 `[n, height, width, channels]`, and labels, integers `[n]`.
    """
    examples = split.load(tf.range(min(count, split.num_examples), dtype=tf.int64))
    return np.asarray(examples['image']), np.asarray(examples['label'])
