"""Splits of a prepared data set of TensorFlow Datasets (TFDS), in memory or decoded on the fly."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfwolf.core.progress import progress_bar
from tfwolf.data import dataset, records
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
    """

    def __init__(
        self,
        builder: tfds.core.DatasetBuilder,
        shape: Shape,
        fit: Fit,
        num_classes: int | None,
    ) -> None:
        self._builder = builder
        self._shape = shape
        self._fit = fit
        self._num_classes = num_classes

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
            )
        total = info.num_examples
        return dataset.ArraySplit(lambda: self._decode(name, total), total, self._shape)

    def _decoding(self) -> tfds.decode.PartialDecoding:
        import tensorflow_datasets as tfds

        keys = ('image',) if self._num_classes is None else ('image', 'label')
        return tfds.decode.PartialDecoding({key: True for key in keys})

    @tf.autograph.experimental.do_not_convert
    def _example(
        self, features: dict[str, tf.Tensor], position: tf.Tensor | tuple[float, float] = CENTER
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return (image uint8 of the shape, label int64) for features of TFDS.

        Args:
            features: 'image' and, with classes, 'label'.
            position: position of a random crop, see `Fit.__call__`.
        """
        image = features['image']
        if image.shape != self._shape:
            image = tf.numpy_function(self._fitted, [image, position], tf.uint8)
            image = tf.ensure_shape(image, self._shape)
        if self._num_classes is None:
            return image, tf.constant(-1, tf.int64)
        return image, features['label']

    def _fitted(self, image: np.ndarray, position: np.ndarray) -> np.ndarray:
        from PIL import Image

        height, width, channels = image.shape
        self._fit.check(f'An image of the TFDS data set {self._builder.name!r}', (height, width))
        return self._fit(Image.fromarray(image[..., 0] if channels == 1 else image), position)

    def _decode(self, name: str, total: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the images, uint8 `[total, *shape]`, and labels, int64 `[total]`, of a split."""
        import tensorflow_datasets as tfds

        images, labels = np.empty((total, *self._shape), np.uint8), np.empty(total, np.int64)
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
                    part = slice(done, done + len(batch[0]))
                    images[part], labels[part] = batch
                    done = part.stop
                    bar.update(len(batch[0]))
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
        return images, labels
