"""Images of any source, brought to the shape of a model's images."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfwolf.core import validate
from tfwolf.core.paths import expanded
from tfwolf.data.dataset import ImageDataset, Split
from tfwolf.data.sources import is_source, load_dataset


def source_of(text: str) -> str:
    """Return the source that a text names: itself, or that of a folder or NumPy file.

    Args:
        text: a source such as 'digits' or 'tfds:svhn_cropped', or a path.

    Raises:
        ValueError: if it is neither.
    """
    path = expanded(text)
    if is_source(text):
        return text
    if os.path.isdir(path):
        return f'folder:{path}'
    if os.path.isfile(path) and path.endswith(('.npz', '.npy')):
        return f'npz:{path}'
    raise ValueError(
        'Images are named by a source (such as digits, tfds:svhn_cropped or npz:PATH), a folder, '
        f'or a NumPy file; there is no {text!r}.'
    )


def other_images(
    source: str,
    count: int,
    image_shape: Sequence[int],
    data_dir: str | None = None,
    download: bool = True,
) -> np.ndarray:
    """Return images of another source in a shape, uint8 `[num_images, *image_shape]`.

    They are the first `count` test images, followed by validation and training images if those are
    fewer. The largest central part of the right aspect ratio is made smaller or larger by
    bicubic interpolation. Grey images get equal channels, color images for a grey model become
    grey.

    Args:
        source: see `source_of`.
        count: number of images, at most.
        image_shape: (height, width, channels), of 1 or 3 channels.
        data_dir, download: as in `load_dataset`.

    Raises:
        ValueError: if the source cannot be read, is not of uint8 images, or the shape has another
            number of channels.
    """
    validate.integer('count', count, minimum=1)
    if image_shape[2] not in (1, 3):
        raise ValueError(
            f'Images of other sources have 1 or 3 channels; the model is for {image_shape[2]}.'
        )
    dataset = load_dataset(source_of(source), data_dir, download)
    parts, left = [], count
    for split in _splits(dataset):
        number = min(left, split.num_examples)
        if number:
            parts.append(split.load(tf.range(number, dtype=tf.int64))['image'].numpy())
            left -= number
    images = np.concatenate(parts)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(
            f'{source} must have uint8 images of 1 or 3 channels; got {images.dtype} '
            f'{list(images.shape[1:])}.'
        )
    return np.stack([brought_to(image, image_shape) for image in images])


def brought_to(image: np.ndarray, image_shape: Sequence[int]) -> np.ndarray:
    """Return an image, uint8 `[height, width, 1 or 3]`, in another shape; see `other_images`."""
    from PIL import Image, ImageOps

    height, width, channels = image_shape
    picture = Image.fromarray(image if image.shape[-1] == 3 else image[..., 0])
    picture = picture.convert('RGB' if channels == 3 else 'L')
    if picture.size != (width, height):
        picture = ImageOps.fit(picture, (width, height), Image.Resampling.BICUBIC)
    return np.asarray(picture).reshape(height, width, channels)


def _splits(dataset: ImageDataset) -> list[Split]:
    return [dataset.test, dataset.validation, dataset.train]
