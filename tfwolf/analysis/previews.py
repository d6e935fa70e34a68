"""What a model makes while it trains, each as one picture."""

from __future__ import annotations

import math

import numpy as np

from tfwolf.models.generation import Array
from tfwolf.models.wolf import Wolf
from tfwolf.pictures.grids import image_grid


def sample_grid(
    model: Wolf, num_images: int, seed: int, temperature_v: float = 1.0, temperature_z: float = 1.0
) -> np.ndarray:
    """Returns a square grid of samples of the model, uint8 `[height, width, 3]`; arguments as of
    `Wolf.sample`.
    """
    images = model.sample(num_images, seed, temperature_v, temperature_z)
    return image_grid(images, columns=math.ceil(math.sqrt(num_images)))


def switch_grid(model: Wolf, images: Array, labels: Array | None = None) -> np.ndarray:
    """Returns the switch of consecutive pairs of images, four columns a pair: a, b, z of a with v
    of b, z of b with v of a.

    Args:
        images: uint8 `[2 pairs, height, width, channels]`; two pairs stand in a row.
        labels: integers `[2 pairs]`; only a model whose z comes from them needs them.
    """
    images_a, images_b = images[0::2], images[1::2]
    labels_a, labels_b = (None, None) if labels is None else (labels[0::2], labels[1::2])
    z_a, z_b = (np.asarray(side) for side in model.switch(images_a, images_b, labels_a, labels_b))
    table = np.stack([np.asarray(images_a), np.asarray(images_b), z_a, z_b], axis=1)
    return image_grid(table.reshape(-1, *table.shape[2:]), columns=8)
