"""Mean and standard deviation of the channels of images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tfwolf.data.dataset import Split
from tfwolf.data.pipeline import evaluation_batches

BATCH = 1024


def channel_moments(
    split: Split, progress: Callable[[int], object] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return (mean, standard deviation) of each channel of a split, float64 `[channels]`.

    The split is read once; the moments of its batches are merged (Chan, Golub and LeVeque,
    "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979).

    Args:
        split: `Split` of at least one image.
        progress: called with the number of images of each batch; optional.
    """
    count, mean, squares = 0, np.zeros(1), np.zeros(1)
    for batch in evaluation_batches(split, min(BATCH, split.num_examples)):
        images = batch['image'].numpy()[batch['mask'].numpy()]
        rows = images.reshape(-1, images.shape[-1]).astype(np.float64)
        of_batch, more = rows.mean(axis=0), len(rows)
        change = of_batch - mean if count else np.zeros(rows.shape[-1])
        squares = squares + ((rows - of_batch) ** 2).sum(axis=0)
        squares = squares + change**2 * count * more / (count + more)
        mean = mean + change * more / (count + more) if count else of_batch
        count += more
        if progress:
            progress(len(images))
    return mean, np.sqrt(squares / count)
