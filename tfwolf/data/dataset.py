"""Data sets: three splits of images with random access."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfwolf.core import seeds, validate
from tfwolf.data.identities import Identities

# {'image': uint8 [n, height, width, channels] or another `image_type`, 'label': int64 [n]}, and
# 'attributes': bool [n, num_attributes] of a data set that has any.
Batch = dict[str, tf.Tensor]

MAX_ARRAY_BYTES = 8 * 2**30
TOO_LARGE_ADVICE = (
    'Make them smaller, or store them as image files or TFDS records, which are decoded on the fly '
    '(sources `folder:` and `tfds:`).'
)
# Larger splits are decoded on the fly by the sources that support it.
IN_MEMORY_BYTES = 2 * 2**30


class Split(abc.ABC):
    """Images of one size with random access; subclasses implement `load`.

    Attributes:
        num_examples: number of images.
        identities: `Identities` of the images; None if they are known only by reading them.
    """

    num_examples: int
    identities: Identities | None = None

    def __init__(self, num_examples: int) -> None:
        self.num_examples = num_examples

    @abc.abstractmethod
    def load(self, indices: tf.Tensor, seed: tf.Tensor | None = None) -> Batch:
        """Return `{'image': uint8 [n, height, width, channels], 'label': int64 [n]}`.

        Without labels, the label is -1. Images with named attributes also have `'attributes'`,
        bool `[n, num_attributes]`.

        Args:
            indices: int64 `[n]`, positions within the split; may be symbolic, as in
                `tf.data.Dataset.map`.
            seed: int32 `[2]`, seed of random crops; None for central crops.
        """

    def prefetch(self) -> None:  # noqa: B027
        """Start reading a split that is held in memory in the background.

        Errors are raised by `load`.
        """

    def select(self, positions: np.ndarray | Sequence[int]) -> Split:
        """Return the split of the examples at `positions`, integers `[n]`, in that order."""
        return Subset(self, positions)

    def take(self, num_examples: int) -> Split:
        """Return the first `num_examples` examples, or all if there are fewer, as a `Split`.

        Raises:
            ValueError: if `num_examples` is not an integer of at least 1.
        """
        if validate.integer('num_examples', num_examples, 1) >= self.num_examples:
            return self
        return self.select(np.arange(num_examples))


class Subset(Split):
    """The examples of another split at given positions.

    Args:
        split: the other `Split`.
        positions: integers `[n]`, positions within it.
    """

    def __init__(self, split: Split, positions: np.ndarray | Sequence[int]) -> None:
        super().__init__(len(positions))
        self._split = split
        self._positions = host_tensor(positions, tf.int64)
        if split.identities is not None:
            self.identities = split.identities.select(positions)

    def prefetch(self) -> None:
        """As `Split.prefetch`, for the whole other split."""
        self._split.prefetch()

    def load(self, indices: tf.Tensor, seed: tf.Tensor | None = None) -> Batch:
        """As `Split.load`, at the chosen positions."""
        with tf.device('CPU:0'):
            return self._split.load(tf.gather(self._positions, indices), seed)


@dataclasses.dataclass(frozen=True)
class ImageDataset:
    """Images in three disjoint splits.

    Attributes:
        name: string, for example 'cifar10'.
        image_shape: (height, width, channels).
        num_classes: number of classes, or None without labels.
        train, validation, test: a `Split` each. The validation split is the last part of the
            training examples; it may be empty.
        version: version of the source, or None if it has no versions. Results on different versions
            are not comparable.
        classes: names of the classes in the order of their labels, or None if they have none.
        attributes: names of the binary attributes of every image, in the order of their columns.
        original: the data set as its source has it, if its label is one of the attributes.
        origin: JSON values that identify the data of a source whose images have no `identities`.
        notes: lines for people: how the source was understood, and what is skipped.
        accepted_changes: what has changed in the data of a run, and was accepted.
        image_type: 'uint8', 'uint16' or 'float32' for continuous values.
        features: names of the features of vectors (images of one pixel); None for images.
        entropy_nats: entropy of the distribution of the examples, if it is known.
        delimiter: of the CSV file that the vectors come from.
    """

    name: str
    image_shape: tuple[int, int, int]
    num_classes: int | None
    train: Split
    validation: Split
    test: Split
    version: str | None = None
    classes: tuple[str, ...] | None = None
    attributes: tuple[str, ...] = ()
    original: ImageDataset | None = None
    origin: Mapping[str, object] | None = None
    notes: tuple[str, ...] = ()
    accepted_changes: tuple[str, ...] = ()
    image_type: str = 'uint8'
    features: tuple[str, ...] | None = None
    entropy_nats: float | None = None
    delimiter: str = ','

    @property
    def title(self) -> str:
        """Name and version, as printed with results."""
        return f'{self.name} {self.version}' if self.version else self.name

    @property
    def kind(self) -> str:
        """What the examples are, such as 'images of 32x32x3' or 'vectors of 2 features'."""
        if self.features is not None:
            return f'vectors of {len(self.features)} features'
        of_type = '' if self.image_type == 'uint8' else f' ({self.image_type})'
        return f'images of {"x".join(map(str, self.image_shape))}{of_type}'

    def class_name(self, label: int) -> str:
        """Return the name of a class, or its number if it has no name."""
        named = self.classes is not None and 0 <= label < len(self.classes)
        return self.classes[label] if named and self.classes else str(label)

    def split(self, name: str) -> Split:
        """Return the split 'train', 'validation' or 'test'.

        Raises:
            ValueError: if it is empty.
        """
        found = getattr(self, name)
        if not found.num_examples:
            raise ValueError(
                f'The split {name!r} of {self.title} is empty. Choose another one (--split).'
            )
        return found


def crop_positions(count: tf.Tensor, seed: tf.Tensor | None) -> tf.Tensor:
    """Return positions of `count` crops, float32 `[count, 2]` in [0, 1), see `Fit.__call__`.

    They are random with a seed, int32 `[2]`, and central without one.
    """
    return tf.fill([count, 2], 0.5) if seed is None else seeds.uniform([count, 2], seed, tf.float32)


def host_tensor(values: np.ndarray | Sequence[int] | Sequence[bytes], dtype: tf.DType) -> tf.Tensor:
    """Return `values` as an eager tensor in host memory, also during tracing or with a GPU."""
    with tf.init_scope(), tf.device('CPU:0'):
        return tf.constant(values, dtype)
