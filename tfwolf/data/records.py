"""Random access to the examples of TFRecord files, for data that do not fit into memory."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tfwolf.core.files import Path
from tfwolf.core.progress import progress_bar
from tfwolf.data import dataset

# (record, position of a crop) -> one example: the entries of a batch without its first axis.
Parse = Callable[[tf.Tensor, tf.Tensor], dataset.Batch]

# A record is: length (8 bytes), checksum of the length (4), payload, checksum of the payload (4).
LENGTH_BYTES, HEADER_BYTES, FOOTER_BYTES = 8, 12, 4


class RecordSplit(dataset.Split):
    """Records of TFRecord files that are read and decoded on the fly, shard after shard.

    The positions of the records are found on first use by one pass over their lengths. Checksums of
    payloads are not verified.

    Args:
        paths: paths of the TFRecord files (not compressed), in order.
        shard_lengths: number of records in each file.
        parse: function of a serialized record, a string tensor, and the position of a random crop,
            float32 `[2]`, that returns one example.
        image_shape: (height, width, channels).
        num_attributes: number of attributes of each image.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        shard_lengths: Sequence[int],
        parse: Parse,
        image_shape: tuple[int, int, int],
        num_attributes: int = 0,
    ) -> None:
        super().__init__(sum(shard_lengths))
        self._paths = [os.fspath(path) for path in paths]
        self._shard_lengths = list(shard_lengths)
        signature = {
            'image': tf.TensorSpec(image_shape, tf.uint8),
            'label': tf.TensorSpec([], tf.int64),
        }
        if num_attributes:
            signature['attributes'] = tf.TensorSpec([num_attributes], tf.bool)
        self._parse = tf.function(
            lambda records, positions: tf.map_fn(
                lambda pair: parse(*pair), (records, positions), fn_output_signature=signature
            ),
            autograph=False,
            input_signature=[
                tf.TensorSpec([None], tf.string),
                tf.TensorSpec([None, 2], tf.float32),
            ],
        )

    def load(self, indices: tf.Tensor, seed: tf.Tensor | None = None) -> dataset.Batch:
        """As `Split.load`; the records are read and decoded on the host."""
        with tf.device('CPU:0'):
            records = tf.numpy_function(self._read, [indices], tf.string)
            batch = self._parse(
                tf.ensure_shape(records, [None]), dataset.crop_positions(tf.size(indices), seed)
            )
            return {
                name: tf.ensure_shape(values, indices.shape.concatenate(values.shape[1:]))
                for name, values in batch.items()
            }

    @functools.cached_property
    def _index(self) -> np.ndarray:
        """Shard, first byte and number of bytes of every record, int64 `[3, num_examples]`."""
        found = []
        with progress_bar(len(self._paths), 0, 'Indexing', 'file', delay=3, leave=False) as bar:
            for number, (path, length) in enumerate(zip(self._paths, self._shard_lengths)):
                found.append(_index_shard(number, path, length))
                bar.update()
        return np.concatenate(found, axis=1)

    def _read(self, indices: np.ndarray) -> np.ndarray:
        records = np.empty(len(indices), object)
        for number, (shard, start, length) in enumerate(self._index[:, indices].T):
            with open(self._paths[shard], 'rb', buffering=0) as file:
                records[number] = os.pread(file.fileno(), length, start)
        return records


def _index_shard(number: int, path: str, count: int) -> np.ndarray:
    index = np.full([3, count], number, np.int64)
    position, record = 0, 0
    with open(path, 'rb', buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        while position < size and record < count:
            length = int.from_bytes(os.pread(file.fileno(), LENGTH_BYTES, position), 'little')
            index[1:, record] = position + HEADER_BYTES, length
            position += HEADER_BYTES + length + FOOTER_BYTES
            record += 1
    if position != size or record != count:
        raise ValueError(
            f'{path} is damaged: {count} records in {size} bytes were expected; got {record} '
            f'records in {position} bytes. Delete its folder and prepare the data again.'
        )
    return index
