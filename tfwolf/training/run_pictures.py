"""Pictures of a run in training: samples, and switches of training images."""

from __future__ import annotations

import os
from typing import Any

import tensorflow as tf
import tqdm

from tfwolf.analysis.previews import (
    MOST_CONDITIONS,
    Preview,
    conditional_grid,
    sample_grid,
    switch_grid,
)
from tfwolf.core.files import sha256
from tfwolf.evaluation.provenance import software_versions
from tfwolf.pictures.grids import write_png
from tfwolf.training import run_directory
from tfwolf.training.run import TrainingRun
from tfwolf.training.run_plots import RunPlots
from tfwolf.training.step import TrainStep
from tfwolf.training.summaries import Summaries


class RunPictures:
    """Draws the pictures of a run.

    Args:
        run: the `TrainingRun`.
        train_step: its `TrainStep`.
        summaries: writes the pictures for TensorBoard.
    """

    def __init__(self, run: TrainingRun, train_step: TrainStep, summaries: Summaries) -> None:
        self._run, self._step, self._summaries = run, train_step, summaries
        self._last_drawn: int | None = None
        self._plots = RunPlots(run, summaries)

    def draw(self, step: int) -> list[str]:
        """Write pictures of samples and, for a model with z, of switches; return their paths.

        Each file says what it was made from: the configuration of the run by the SHA-256 of its
        `config.gin`, images, step, weights, seed and versions. TensorBoard gets these and the
        plots of `RunPlots`.

        The samples of a conditional model are for conditions of validation images.

        Images that are not finite are crossed out, counted in TensorBoard and reported. Only the
        chief writes, and only once for a step. There are none of other values than 8 bits.
        """
        train_dir = self._run.train_dir
        if (
            train_dir is None
            or not self._run.workers.is_chief
            or step == self._last_drawn
            or self._run.model.values.image_type.name != 'uint8'
        ):
            return []
        self._last_drawn = step
        with self._step.weights_to_evaluate():
            previews = self._previews()
            self._plots.draw(step)
        paths, about = [], self._about(step)
        for name, preview in previews.items():
            self._summaries.picture(name, preview.picture, preview.num_not_finite, step)
            if preview.num_not_finite and self._run.verbose:
                # Any bar may be active: this finds it.
                tqdm.tqdm.write(
                    f'{name} at step {step}: {preview.num_not_finite} of {preview.num_images} are '
                    'not finite',
                )
            paths.append(os.path.join(train_dir, f'{name}.png'))
            of_picture = {'picture': name, 'num_images': preview.num_images}
            write_png(paths[-1], preview.picture, {**about, **of_picture})
        return paths

    def _about(self, step: int) -> dict[str, Any]:
        """Return what all pictures of a step say that they were made from."""
        config = os.path.join(self._run.folder, run_directory.CONFIG)
        return {
            'tool': 'train',
            'config_sha256': sha256(config) if os.path.exists(config) else None,
            'dataset': self._run.dataset.name,
            'step': step,
            'weights': self._step.weights_name,
            'seed': self._run.seed,
            'versions': software_versions(),
        }

    def _previews(self) -> dict[str, Preview]:
        model, images = self._run.model, self._run.dataset.train
        count, seed = self._run.settings.num_pictures, self._run.seed
        if model.condition is None:
            previews = {'samples': sample_grid(model, count, seed)}
        else:
            unseen = self._run.dataset.validation
            split = unseen if unseen.num_examples else images
            columns = tf.range(min(MOST_CONDITIONS, split.num_examples), dtype=tf.int64)
            given = split.load(columns)['image'].numpy()
            previews = {'samples': conditional_grid(model, given, count, seed)}
        if model.latent.has_z:
            count = min(count, images.num_examples) // 2 * 2
            examples = images.load(tf.range(count, dtype=tf.int64))
            previews['switch'] = switch_grid(model, examples['image'], examples['label'])
        return previews
