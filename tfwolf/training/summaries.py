"""TensorBoard: scalars by term, a histogram of KL per dimension, pictures and the configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np
import tensorflow as tf


class Summaries:
    """Writes TensorBoard events to `train_dir/tensorboard`.

    Args:
        train_dir: folder of the run.
        writes: whether this process is the one that writes; if not, nothing is written.
    """

    def __init__(self, train_dir: str, writes: bool = True) -> None:
        self._writer = (
            tf.summary.create_file_writer(os.path.join(train_dir, 'tensorboard'))
            if writes
            else tf.summary.create_noop_writer()
        )

    def text(self, name: str, value: str, step: int) -> None:
        """Writes a text in a fixed-width font."""
        with self._writer.as_default(step=step):
            tf.summary.text(name, '\n'.join('    ' + line for line in value.splitlines()))

    def metrics(
        self, prefix: str, metrics: Mapping[str, float | np.generic | np.ndarray], step: int
    ) -> None:
        """Writes numbers as scalars `prefix/name`, and vectors as histograms."""
        with self._writer.as_default(step=step):
            for name, value in metrics.items():
                write = tf.summary.histogram if getattr(value, 'ndim', 0) else tf.summary.scalar
                write(f'{prefix}/{name}', value)

    def picture(self, name: str, picture: np.ndarray, step: int) -> None:
        """Writes a uint8 picture `[height, width, 3]`."""
        with self._writer.as_default(step=step):
            tf.summary.image(name, picture[None])

    def flush(self) -> None:
        """Makes everything written so far visible."""
        self._writer.flush()
