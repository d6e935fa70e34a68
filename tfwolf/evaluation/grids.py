"""Pictures: many images side by side, as one array and as a PNG."""
import math
import os

import numpy as np

from tfwolf import validate

# Small images are shown enlarged by whole pixels to about this many pixels a side.
SHOWN_SIDE = 48
GAP = 2


def image_grid(images, columns):
    """Returns one uint8 picture `[rows * height', columns * width', 3]` of images in reading order, white between them.

    Args:
        images: uint8 `[num_images, height, width, channels]`; with 1 or 3 channels as they are, of others the first three (or first).
        columns: images per row.

    Raises:
        ValueError: if there are no images, or `columns` is not a positive integer.
    """
    images = np.asarray(images)
    validate.integer('columns', columns, minimum=1)
    if images.ndim != 4 or not len(images):
        raise ValueError(f'`images` must be [num_images, height, width, channels] with at least one; got {images.shape}.')
    images = images[..., :3] if images.shape[-1] >= 3 else np.repeat(images[..., :1], 3, axis=-1)
    zoom = max(1, SHOWN_SIDE // max(images.shape[1:3]))
    images = images.repeat(zoom, axis=1).repeat(zoom, axis=2)
    count, height, width, _ = images.shape
    rows = math.ceil(count / columns)
    grid = np.full((rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3), 255, np.uint8)
    for index, image in enumerate(images):
        top, left = (position * (side + GAP) + GAP for position, side in zip(divmod(index, columns), (height, width)))
        grid[top:top + height, left:left + width] = image
    return grid


def sample_grid(model, num_images, seed, temperature_v=1.0, temperature_z=1.0):
    """Returns a square grid of samples of the model."""
    images = model.sample(num_images, seed, temperature_v, temperature_z)
    return image_grid(images, columns=math.ceil(math.sqrt(num_images)))


def switch_grid(model, images, labels=None):
    """Returns the switch of consecutive pairs of images, four columns a pair: a, b, z of a with v of b, z of b with v of a.

    Args:
        images: uint8 `[2 pairs, height, width, channels]`; two pairs stand in a row.
        labels: integers `[2 pairs]`; only a model whose z comes from them needs them.
    """
    images_a, images_b = images[0::2], images[1::2]
    labels_a, labels_b = (None, None) if labels is None else (labels[0::2], labels[1::2])
    z_a, z_b = (np.asarray(side) for side in model.switch(images_a, images_b, labels_a, labels_b))
    table = np.stack([np.asarray(images_a), np.asarray(images_b), z_a, z_b], axis=1)
    return image_grid(table.reshape(-1, *table.shape[2:]), columns=8)


def write_png(path, picture):
    """Writes a uint8 picture `[height, width, 3]` as a PNG file, whole or not at all."""
    from PIL import Image
    os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
    Image.fromarray(picture).save(f'{path}.part', format='PNG')
    os.replace(f'{path}.part', path)
