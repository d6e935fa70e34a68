"""A split of images that are held in memory."""

from __future__ import annotations

import concurrent.futures
import math
import threading
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tfwolf.data import dataset
from tfwolf.data.identities import Identities

# (images, labels) or (images, labels, attributes).
Arrays = (
    tuple[np.ndarray, np.ndarray | None] | tuple[np.ndarray, np.ndarray | None, np.ndarray | None]
)


class ArraySplit(dataset.Split):
    """Images held in memory, created on first use.

    Args:
        make_arrays: function without arguments that returns the images, `[num_examples,
            *image_shape]`, the labels, integers `[num_examples]` or None, and optionally the
            attributes, bool `[num_examples, num_attributes]` or None.
        num_examples: number of images.
        image_shape: (height, width, channels).
        identities: see `Split`.
        image_type: type of the images, 'uint8', 'uint16' or 'float32'.
    """

    def __init__(
        self,
        make_arrays: Callable[[], Arrays],
        num_examples: int,
        image_shape: Sequence[int],
        identities: Identities | None = None,
        image_type: str = 'uint8',
    ) -> None:
        super().__init__(num_examples)
        self.identities = identities
        self._image_type = np.dtype(image_type)
        self._make_arrays = make_arrays
        self._lock = threading.Lock()
        self._reading: concurrent.futures.Future[dataset.Batch] | None = None
        self._image_shape = tuple(image_shape)

    def prefetch(self) -> None:
        """As `Split.prefetch`."""
        self._start_reading()

    def _start_reading(self) -> concurrent.futures.Future[dataset.Batch]:
        with self._lock:
            if self._reading is None:
                executor = concurrent.futures.ThreadPoolExecutor(
                    max_workers=1, thread_name_prefix='prefetch'
                )
                self._reading = executor.submit(self._read)
                executor.shutdown(wait=False)
            return self._reading

    def _read(self) -> dataset.Batch:
        shape = (self.num_examples, *self._image_shape)
        size = math.prod(shape) * self._image_type.itemsize
        if size > dataset.MAX_ARRAY_BYTES:
            raise ValueError(
                f'{self.num_examples} decoded images of {self._image_shape} need '
                f'{size / 2**30:.1f} GiB, but this source keeps at most '
                f'{dataset.MAX_ARRAY_BYTES / 2**30:.0f} GiB in memory. {dataset.TOO_LARGE_ADVICE}'
            )
        images, labels, *others = self._make_arrays()
        attributes = others[0] if others else None
        if images.shape != shape or images.dtype != self._image_type:
            raise ValueError(
                f'`make_arrays` must return {self._image_type} images {shape}; '
                f'got {images.dtype} {images.shape}.'
            )
        labels = np.full(self.num_examples, -1) if labels is None else labels
        batch = {
            'image': dataset.host_tensor(images, tf.as_dtype(self._image_type)),
            'label': dataset.host_tensor(labels, tf.int64),
        }
        if attributes is not None:
            batch['attributes'] = dataset.host_tensor(attributes, tf.bool)
        return batch

    def load(self, indices: tf.Tensor, seed: tf.Tensor | None = None) -> dataset.Batch:
        """As `Split.load`, from memory; `seed` is not used."""
        # Outside of any graph that is being traced: the arrays are created once, eagerly, and
        # graphs capture them by reference.
        with tf.init_scope():
            batch = self._start_reading().result()
        with tf.device('CPU:0'):
            return {name: tf.gather(values, indices) for name, values in batch.items()}
