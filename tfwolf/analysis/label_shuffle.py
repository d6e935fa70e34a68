"""Images decoded with the labels of others: what a model of classes keeps in v and what in the
label (Real NVP, appendix F).
"""

from __future__ import annotations

import numpy as np

from tfwolf.analysis.coder import Coder, Decoded
from tfwolf.analysis.sampling import check_label
from tfwolf.core import seeds
from tfwolf.models.generation import Array


def shuffle_labels(
    coder: Coder, images: Array, labels: Array, seed: int
) -> tuple[Decoded, np.ndarray]:
    """Returns (`Decoded` images with other labels, those labels `[num_images]`): x' = g(f(x; y);
    y'), with y' a shuffle of the y.

    Args:
        coder: a `Coder` of a model whose z comes from class labels.
        images: uint8 `[num_images, height, width, channels]`.
        labels: integers `[num_images]`, their classes.
        seed: integer, of the order.

    Raises:
        ValueError: if the model has no classes, or an image no label.

    Reference: Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", 2017,
        arXiv:1605.08803, appendix F.
    """
    labels = np.asarray(labels)
    for label in labels:
        check_label(coder.model, int(label))
    shuffled = labels[seeds.generator(seed, 'label shuffle').permutation(len(labels))]
    v = coder.encode(images, labels).v
    return coder.decode(coder.model.latent.encode(None, shuffled).numpy(), v), shuffled
