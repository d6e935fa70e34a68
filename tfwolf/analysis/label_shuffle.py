"""Images decoded with the labels of other images: what v holds and what the label holds.

See Real NVP, appendix F.
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
    """Return (`Decoded` images with shuffled labels, these labels `[num_images]`).

    An image x with label y becomes g(f(x; y); y'), where the y' are a shuffle of the y.

    Args:
        coder: a `Coder` of a model whose z comes from class labels.
        images: uint8 `[num_images, height, width, channels]`.
        labels: integers `[num_images]`, their classes.
        seed: integer, of the shuffle.

    Raises:
        ValueError: if the model has no classes, or an image has no label.

    Reference: Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", 2017,
        arXiv:1605.08803, appendix F.
    """
    model, labels = coder.model, np.asarray(labels)
    for label in labels:
        check_label(model, int(label))
    shuffled = labels[seeds.generator(seed, 'label shuffle').permutation(len(labels))]
    code = coder.encode(images, labels)
    z = model.latent.encode(model.encoder_input(images), shuffled)
    return coder.decode(**code._replace(z=z)._asdict()), shuffled
