"""What a data set is: three splits of images that are read by position."""

from __future__ import annotations

import abc
import concurrent.futures
import dataclasses
import math
import threading
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tfwolf.core import seeds, validate

# {'image': uint8 [n, height, width, channels], 'label': int64 [n]}
Batch = dict[str, tf.Tensor]

MAX_ARRAY_BYTES = 8 * 2**30
TOO_LARGE_ADVICE = (
    'Make them smaller, or store them as image files or as TFDS records, which are decoded as '
    'they are '
    'read (sources `folder:` and `tfds:`).'
)
# Sources that can decode as they are read do so beyond this.
IN_MEMORY_BYTES = 2 * 2**30


class Split(abc.ABC):
    """Images of one size with random access; a new kind needs only `load`.

    Attributes:
        num_examples: integer, how many images there are.
    """

    num_examples: int

    def __init__(self, num_examples: int) -> None:
        self.num_examples = num_examples

    @abc.abstractmethod
    def load(self, indices: tf.Tensor, seed: tf.Tensor | None = None) -> Batch:
        """Returns `{'image': uint8 [n, height, width, channels], 'label': int64 [n]}`; label -1
        where there are none.

        Args:
            indices: int64 `[n]`, positions within the split; may be symbolic, as within
                `tf.data.Dataset.map`.
            seed: int32 `[2]`, of the windows that a split cuts at random; None for central ones.
        """

    def prefetch(self) -> None:
        """Starts reading in the background, where a split is held in memory; `load` raises what
        goes wrong.
        """

    def select(self, positions: np.ndarray | Sequence[int]) -> Split:
        """Returns the split of the examples at `positions` (integers `[n]`), in that order, without
        reading any.
        """
        return Subset(self, positions)

    def take(self, num_examples: int) -> Split:
        """Returns the first `num_examples` examples as a `Split`, all of them if there are fewer.

        Raises:
            ValueError: if `num_examples` is not an integer of at least 1.
        """
        if validate.integer('num_examples', num_examples, 1) >= self.num_examples:
            return self
        return self.select(np.arange(num_examples))


class Subset(Split):
    """The examples of another split at given positions.

    Args:
        split: `Split`.
        positions: integers `[n]` within it.
    """

    def __init__(self, split: Split, positions: np.ndarray | Sequence[int]) -> None:
        super().__init__(len(positions))
        self._split = split
        self._positions = host_tensor(positions, tf.int64)

    def prefetch(self) -> None:
        """As `Split.prefetch`, of the whole split."""
        self._split.prefetch()

    def load(self, indices: tf.Tensor, seed: tf.Tensor | None = None) -> Batch:
        """As `Split.load`, at the chosen positions."""
        with tf.device('CPU:0'):
            return self._split.load(tf.gather(self._positions, indices), seed)


class ArraySplit(Split):
    """Images held in memory, made on first use.

    Args:
        make_arrays: function without arguments that returns the images, uint8 `[num_examples,
            *image_shape]`, and the labels, integers `[num_examples]` or None.
        num_examples: integer.
        image_shape: (height, width, channels).
    """

    def __init__(
        self,
        make_arrays: Callable[[], tuple[np.ndarray, np.ndarray | None]],
        num_examples: int,
        image_shape: Sequence[int],
    ) -> None:
        super().__init__(num_examples)
        self._make_arrays = make_arrays
        self._lock, self._reading = threading.Lock(), None
        self._image_shape = tuple(image_shape)

    def prefetch(self) -> None:
        """As `Split.prefetch`."""
        with self._lock:
            if self._reading is None:
                executor = concurrent.futures.ThreadPoolExecutor(
                    max_workers=1, thread_name_prefix='prefetch'
                )
                self._reading = executor.submit(self._read)
                executor.shutdown(wait=False)

    @property
    def _tensors(self) -> tuple[tf.Tensor, tf.Tensor]:
        self.prefetch()
        return self._reading.result()

    def _read(self) -> tuple[tf.Tensor, tf.Tensor]:
        shape = (self.num_examples,) + self._image_shape
        if math.prod(shape) > MAX_ARRAY_BYTES:
            raise ValueError(
                f'{self.num_examples} images of {self._image_shape} take '
                f'{math.prod(shape) / 2**30:.1f} GiB decoded; '
                f'this source holds them in memory, at most {MAX_ARRAY_BYTES / 2**30:.0f} GiB. '
                f'{TOO_LARGE_ADVICE}'
            )
        images, labels = self._make_arrays()
        if images.shape != shape or images.dtype != np.uint8:
            raise ValueError(
                f'`make_arrays` must return uint8 images {shape}; got {images.dtype} '
                f'{images.shape}.'
            )
        labels = np.full(self.num_examples, -1) if labels is None else labels
        return host_tensor(images, tf.uint8), host_tensor(labels, tf.int64)

    def load(self, indices: tf.Tensor, seed: tf.Tensor | None = None) -> Batch:
        """As `Split.load`, from memory; the windows are fixed."""
        # Lifted out of the graph being traced: the arrays are made once, eagerly, and graphs
        # capture them by reference.
        with tf.init_scope():
            images, labels = self._tensors
        with tf.device('CPU:0'):
            return {'image': tf.gather(images, indices), 'label': tf.gather(labels, indices)}


@dataclasses.dataclass(frozen=True)
class ImageDataset:
    """Images in three disjoint splits.

    Attributes:
        name: string, for example 'cifar10'.
        image_shape: (height, width, channels).
        num_classes: integer, or None where there are no labels.
        train, validation, test: a `Split` each. Validation is the end of the training examples; it
            may be empty.
        version: string, or None where the source has no versions. Results on two versions are not
            comparable.
    """

    name: str
    image_shape: tuple[int, int, int]
    num_classes: int | None
    train: Split
    validation: Split
    test: Split
    version: str | None = None

    @property
    def title(self) -> str:
        """Name and version, as printed beside results."""
        return f'{self.name} {self.version}' if self.version else self.name

    def split(self, name: str) -> Split:
        """Returns the split 'train', 'validation' or 'test'.

        Raises:
            ValueError: if it is empty.
        """
        found = getattr(self, name)
        if not found.num_examples:
            raise ValueError(f'The split {name!r} of {self.title} is empty. Name another --split.')
        return found


def window_places(count: tf.Tensor, seed: tf.Tensor | None) -> tf.Tensor:
    """Returns where `count` windows lie, float32 `[count, 2]` in [0, 1): random places for a seed,
    the centre without one.
    """
    return tf.fill([count, 2], 0.5) if seed is None else seeds.uniform([count, 2], seed, tf.float32)


def host_tensor(values: object, dtype: tf.DType) -> tf.Tensor:
    """Returns `values` as an eager tensor in the host's memory, even while a graph is traced or
    beside a GPU.
    """
    with tf.init_scope(), tf.device('CPU:0'):
        return tf.constant(values, dtype)
