"""Splits of image files, in memory or decoded on the fly."""

from __future__ import annotations

import concurrent.futures
import math
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfwolf.core.files import Path
from tfwolf.core.progress import progress_bar
from tfwolf.data import dataset
from tfwolf.data.array_split import Arrays, ArraySplit
from tfwolf.data.fit import Fit
from tfwolf.data.fitted_file import fitted
from tfwolf.data.identities import Identities

if TYPE_CHECKING:
    from PIL import Image

Read = Callable[[Path], 'Image.Image']


class FileSplit(dataset.Split):
    """Image files that are decoded on the fly.

    Args:
        paths: paths of the files.
        labels: integers `[len(paths)]`, -1 without labels.
        fit: `Fit` with an `image_size`.
        channels: 1 or 3.
        read: function of a path that returns a Pillow image.
        identities: see `Split`; they hold the attributes, if there are any.
    """

    def __init__(
        self,
        paths: Sequence[pathlib.Path],
        labels: np.ndarray,
        fit: Fit,
        channels: int,
        read: Read,
        identities: Identities | None = None,
    ) -> None:
        super().__init__(len(paths))
        self.identities = identities
        self._fit, self._channels, self._read_file = fit, channels, read
        self._shape = (*fit.target_size, channels)
        # As bytes, because the name of a file may not be valid Unicode.
        self._paths = dataset.host_tensor([os.fsencode(path) for path in paths], tf.string)
        self._labels = dataset.host_tensor(labels, tf.int64)
        attributes = None if identities is None else identities.attributes
        self._attributes = None if attributes is None else dataset.host_tensor(attributes, tf.bool)

    def load(self, indices: tf.Tensor, seed: tf.Tensor | None = None) -> dataset.Batch:
        """As `Split.load`; the files are decoded, resized and cropped on the host."""
        with tf.device('CPU:0'):
            paths = tf.gather(self._paths, indices)
            images = tf.numpy_function(
                self._read, [paths, dataset.crop_positions(tf.size(indices), seed)], tf.uint8
            )
            images = tf.ensure_shape(images, paths.shape.concatenate(self._shape))
            batch = {'image': images, 'label': tf.gather(self._labels, indices)}
            if self._attributes is not None:
                batch['attributes'] = tf.gather(self._attributes, indices)
            return batch

    def _read(self, names: np.ndarray, positions: np.ndarray) -> np.ndarray:
        paths = [os.fsdecode(name) for name in names]
        return np.stack(
            [
                fitted(path, self._read_file(path), self._fit, self._channels, position)
                for path, position in zip(paths, positions)
            ]
        )


def is_in_memory(num_files: int, fit: Fit, channels: int) -> bool:
    """Return whether `file_split` holds so many images in memory."""
    size = num_files * math.prod((*fit.target_size, channels))
    return not fit.is_random and size <= dataset.IN_MEMORY_BYTES


def file_split(
    paths: Sequence[pathlib.Path],
    labels: np.ndarray,
    fit: Fit,
    channels: int,
    read: Read,
    identities: Identities | None = None,
    decoded: Mapping[pathlib.Path, np.ndarray] | None = None,
) -> dataset.Split:
    """Return the `Split` of image files, in memory unless it is too large.

    Args:
        paths, labels, fit, channels, read, identities: see `FileSplit`.
        decoded: images that were decoded before, uint8 `[*fit.image_size, channels]`, by path.
    """
    if not is_in_memory(len(paths), fit, channels):
        return FileSplit(paths, labels, fit, channels, read, identities)
    shape = (*fit.target_size, channels)
    known = decoded or {}

    def decode() -> Arrays:
        images = np.empty((len(paths), *shape), np.uint8)

        def image_of(path: pathlib.Path) -> np.ndarray:
            found = known.get(path)
            return fitted(path, read(path), fit, channels) if found is None else found

        bar = progress_bar(len(paths), 0, 'Decoding images', 'image', delay=3, leave=False)
        # Threads help because Pillow releases Python's lock while it decodes.
        with bar, concurrent.futures.ThreadPoolExecutor() as pool:
            for i, image in enumerate(pool.map(image_of, paths)):
                images[i] = image
                bar.update()
        return images, labels, None if identities is None else identities.attributes

    return ArraySplit(decode, len(paths), shape, identities)
