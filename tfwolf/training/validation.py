"""Evaluation on the validation images during training, with averaged and with raw weights."""

from __future__ import annotations

import math

import numpy as np

from tfwolf.evaluation.likelihood import (
    Terms,
    effective_batch_size,
    image_likelihoods,
    likelihood_terms,
    summarize,
)
from tfwolf.training.run import TrainingRun
from tfwolf.training.step import TrainStep

# Raw weights are evaluated on about this many images: they are for comparison only.
RAW_IMAGES = 1024
# Zero without a learned dequantizer, and then not written.
DEQUANTIZER = 'dequantizer_'


class Validation:
    """Evaluates the model of a run on its validation images.

    Args:
        run: the `TrainingRun`.
        train_step: its `TrainStep`.
    """

    def __init__(self, run: TrainingRun, train_step: TrainStep) -> None:
        self._run, self._step = run, train_step
        self._split = run.dataset.validation
        self._batch_size = effective_batch_size(
            self._split, run.settings.evaluation_batch_size, run.strategy
        )
        # Traced once for the whole run.
        self._terms = Terms(run.model, self._batch_size, run.strategy)

    def __call__(self) -> dict[str, float]:
        """Return means over the images, as `summarize` does.

        With averaged weights these are theirs, and `raw_name` is that of the raw weights:
        the averaged one plus the difference of the two on the first images, with the same noise.
        """
        averaged = self._step.averages is not None
        with self._step.weights_to_evaluate():
            terms = self._evaluate(self._split.num_examples)
        num_dims, unit = self._run.model.num_dims, self._run.model.values.unit
        learned = self._run.model.dequantizer.is_learned
        result = {
            name: value
            for name, value in summarize(terms, num_dims, unit).items()
            if isinstance(value, float) and (learned or not name.startswith(DEQUANTIZER))
        }
        if averaged:
            raw = self._evaluate(self.num_raw_images)
            raw_mean, averaged_mean = (
                float(image_likelihoods(part, num_dims, unit)[0].mean())
                for part in (raw, terms[:, : self.num_raw_images])
            )
            if math.isfinite(averaged_mean):
                raw_mean += result[unit.name] - averaged_mean
            result[self.raw_name] = raw_mean
        return result

    @property
    def raw_name(self) -> str:
        """Name of the likelihood of the raw weights, such as 'bits_per_dim_raw'."""
        return f'{self._run.model.values.unit.name}_raw'

    @property
    def num_raw_images(self) -> int:
        """The number of images on which raw weights are evaluated, in whole batches."""
        batches = math.ceil(RAW_IMAGES / self._batch_size)
        return min(batches * self._batch_size, self._split.num_examples)

    def text(self, result: dict[str, float]) -> str:
        """Return the results of `__call__` as text."""
        raw = ''
        if self.raw_name in result:
            some = self.num_raw_images < self._split.num_examples
            of = f', from {self.num_raw_images:,} images' if some else ''
            raw = f' (raw weights {result[self.raw_name]:.4f}{of})'
        kl = f', KL {result["kl_nats"]:.2f} nats' if self._run.model.latent.has_z else ''
        unit = self._run.model.values.unit
        return f'validation {result[unit.name]:.4f} {unit.text}{raw}{kl}'

    def _evaluate(self, num_images: int) -> np.ndarray:
        """Return the terms of the bound of the first images, `[1, num_images, 3]`."""
        return likelihood_terms(
            self._run.model,
            self._split.take(num_images),
            self._batch_size,
            1,
            self._run.seed,
            self._run.strategy,
            self._run.interrupts.check,
            self._terms,
        )
