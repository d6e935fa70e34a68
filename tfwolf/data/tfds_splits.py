"""Splits of a prepared data set of TensorFlow Datasets (TFDS), in memory or decoded on the fly."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfwolf.core.progress import progress_bar
from tfwolf.data import dataset, records
from tfwolf.data.array_split import Arrays, ArraySplit
from tfwolf.data.fit import CENTER, Fit
from tfwolf.data.tfds_builder import quiet_tfds

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

Shape = tuple[int, int, int]

DECODE_BATCH = 512


class TfdsSplits:
    """Splits of a prepared data set, whose images are brought to one shape.

    Args:
        builder: TFDS builder whose data are prepared.
        shape: (height, width, channels) of all images.
        fit: how images are brought to that size.
        num_classes: number of classes, or None without labels.
        attributes: names of the binary attributes, which TFDS has in its feature 'attributes'.
    """

    def __init__(
        self,
        builder: tfds.core.DatasetBuilder,
        shape: Shape,
        fit: Fit,
        num_classes: int | None,
        attributes: tuple[str, ...] = (),
    ) -> None:
        self._builder = builder
        self._shape = shape
        self._fit = fit
        self._num_classes = num_classes
        self._attributes = attributes

    def split(self, name: str) -> dataset.Split:
        """Return a split of TFDS as a `Split`.

        It is held in memory, in the order of TFDS, unless it is too large or its crops are random.
        Then it is decoded on the fly.
        """
        info = self._builder.info.splits[name]
        file_format = self._builder.info.file_format
        too_large = info.num_examples * math.prod(self._shape) > dataset.IN_MEMORY_BYTES
        if (too_large or self._fit.is_random) and (
            file_format is not None and file_format.file_suffix == 'tfrecord'
        ):
            features = self._decoding().extract_features(
                self._builder.info.features  # pyright: ignore[reportArgumentType]
            )
            deserialize = features.deserialize_example  # pyright: ignore[reportAttributeAccessIssue]
            return records.RecordSplit(
                info.filepaths,
                info.shard_lengths,
                lambda record, position: self._example(deserialize(record), position),
                self._shape,
                len(self._attributes),
            )
        total = info.num_examples
        return ArraySplit(lambda: self._decode(name, total), total, self._shape)

    def _decoding(self) -> tfds.decode.PartialDecoding:
        import tensorflow_datasets as tfds

        parts: dict[str, Any] = {'image': True}
        if self._num_classes is not None:
            parts['label'] = True
        if self._attributes:
            parts['attributes'] = dict.fromkeys(self._attributes, True)
        return tfds.decode.PartialDecoding(parts)

    @tf.autograph.experimental.do_not_convert
    def _example(
        self, features: dict[str, tf.Tensor], position: tf.Tensor | tuple[float, float] = CENTER
    ) -> dataset.Batch:
        """Return one example, see `records.Parse`, for features of TFDS.

        Args:
            features: 'image' and, with classes, 'label', and with attributes, 'attributes'.
            position: position of a random crop, see `Fit.__call__`.
        """
        image = features['image']
        if image.shape != self._shape:
            image = tf.numpy_function(self._fitted, [image, position], tf.uint8)
            image = tf.ensure_shape(image, self._shape)
        label = tf.constant(-1, tf.int64) if self._num_classes is None else features['label']
        example = {'image': image, 'label': label}
        if self._attributes:
            values: Any = features['attributes']
            example['attributes'] = tf.stack([values[name] for name in self._attributes])
        return example

    def _fitted(self, image: np.ndarray, position: np.ndarray) -> np.ndarray:
        from PIL import Image

        height, width, channels = image.shape
        self._fit.check(f'An image of the TFDS data set {self._builder.name!r}', (height, width))
        return self._fit(Image.fromarray(image[..., 0] if channels == 1 else image), position)

    def _decode(self, name: str, total: int) -> Arrays:
        """Return the images, labels and attributes of a split, as `ArraySplit` needs them."""
        import tensorflow_datasets as tfds

        found = {
            'image': np.empty((total, *self._shape), np.uint8),
            'label': np.empty(total, np.int64),
        }
        if self._attributes:
            found['attributes'] = np.empty((total, len(self._attributes)), bool)
        done = 0
        text = f'Decoding {self._builder.name} {name}'
        try:
            with quiet_tfds(), progress_bar(total, 0, text, 'image', delay=3, leave=False) as bar:
                examples = self._builder.as_dataset(
                    split=name,  # pyright: ignore[reportCallIssue]
                    shuffle_files=False,
                    decoders=self._decoding(),
                    read_config=tfds.ReadConfig(try_autocache=False),
                )
                examples = examples.map(self._example, num_parallel_calls=tf.data.AUTOTUNE)
                # Batches within tf.data: a Python loop over examples takes three times as long.
                for batch in examples.take(total).batch(DECODE_BATCH).as_numpy_iterator():
                    part = slice(done, done + len(batch['image']))
                    for key, values in batch.items():
                        found[key][part] = values
                    bar.update(part.stop - done)
                    done = part.stop
        except (tf.errors.OpError, OSError) as error:
            raise ValueError(
                f'The TFDS data in {self._builder.data_dir} cannot be read: {error}. If files are '
                'damaged or missing, delete that folder and prepare the data again.'
            ) from error
        if done != total:
            raise ValueError(
                f'The TFDS data in {self._builder.data_dir} end after {done} of {total} examples '
                f'of {name!r}. Delete that folder and prepare the data again.'
            )
        return found['image'], found['label'], found.get('attributes')
