"""The curves of a run: TensorBoard events, with pictures and the configuration, and a CSV file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfwolf.evaluation.likelihood import TERMS
from tfwolf.training import run_directory
from tfwolf.training.curves import COLUMNS, Curves

TRAIN, VALIDATION = 'train', 'validation'
# Metrics of both splits. TensorBoard draws one chart for each tag, with a curve for each split.
SHARED = (
    *('bits_per_dim', 'nats_per_dim', 'nll_nats', *TERMS),
    'dequantizer_bits_per_dim',
)


class Summaries:
    """Write metrics, pictures and texts of a run.

    Metrics of a split go to the TensorBoard run `train_dir/tensorboard/SPLIT`, scalars also to
    `train_dir/curves.csv`. Metrics of both splits have the same tag, so that
    `tensorboard --logdir=train_dir/tensorboard` shows both curves in one chart. Pictures and texts
    go to the TensorBoard run of the training images.

    Args:
        train_dir: folder of the run.
        step: step from which the run continues; 0 for a new run.
        writes: whether this process writes files; only the chief does.
        columns: first columns of the CSV file.
    """

    def __init__(
        self,
        train_dir: str,
        step: int = 0,
        writes: bool = True,
        columns: Sequence[str] = COLUMNS,
    ) -> None:
        self._folder = os.path.join(train_dir, run_directory.TENSORBOARD) if writes else None
        self._curves = (
            Curves(os.path.join(train_dir, run_directory.CURVES), step, columns) if writes else None
        )
        self._writers: dict[str, tf.summary.SummaryWriter] = {}

    def text(self, name: str, value: str, step: int) -> None:
        """Write a text in a fixed-width font."""
        with self._writer(TRAIN).as_default(step=step):
            tf.summary.text(name, '\n'.join('    ' + line for line in value.splitlines()))

    def metrics(
        self, split: str, metrics: Mapping[str, float | np.generic | np.ndarray], step: int
    ) -> None:
        """Write numbers as scalars, and vectors as histograms.

        The tag is the name of the metric if both splits have it, else `SPLIT/NAME`.

        Args:
            split: 'train' or 'validation'.
            metrics: `{name: number or vector}`.
            step: number of the training step.
        """
        with self._writer(split).as_default(step=step):
            for name, value in metrics.items():
                write = tf.summary.histogram if np.ndim(value) else tf.summary.scalar
                write(name if name in SHARED else f'{split}/{name}', value)
        if self._curves is not None:
            scalars = {name: value for name, value in metrics.items() if not np.ndim(value)}
            self._curves.append(step, split, scalars)

    def picture(self, name: str, picture: np.ndarray, num_not_finite: int, step: int) -> None:
        """Write a uint8 picture `[height, width, 3]`, and how many images in it are not finite."""
        self.image(name, picture, step)
        with self._writer(TRAIN).as_default(step=step):
            tf.summary.scalar(f'{name}/not_finite', num_not_finite)

    def image(self, name: str, picture: np.ndarray, step: int) -> None:
        """Write a uint8 picture `[height, width, 3]`."""
        with self._writer(TRAIN).as_default(step=step):
            tf.summary.image(name, picture[None])

    def flush(self) -> None:
        """Write everything to disk, so that TensorBoard shows it."""
        for writer in self._writers.values():
            writer.flush()

    def _writer(self, split: str) -> tf.summary.SummaryWriter:
        """Return the writer of a split, created on first use: each becomes a run in TensorBoard."""
        if self._folder is None:
            return tf.summary.create_noop_writer()
        if split not in self._writers:
            self._writers[split] = tf.summary.create_file_writer(os.path.join(self._folder, split))
        return self._writers[split]
