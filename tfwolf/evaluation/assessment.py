"""Evaluation of a model on a split in parts that can be resumed; evaluators are called with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import tensorflow as tf

from tfwolf.core import seeds
from tfwolf.data.dataset import Split
from tfwolf.data.pipeline import evaluation_batches
from tfwolf.evaluation.likelihood import (
    effective_batch_size,
    image_likelihoods,
    kind_of_bound,
    likelihood_batches,
    summarize,
)
from tfwolf.evaluation.resume_cache import ResumeCache
from tfwolf.models.wolf import Wolf

Progress = Callable[[str, int, int], AbstractContextManager[Callable[[int], object]]]


class Assessment:
    """Evaluates a model in parts, each of which resumes where an interrupted evaluation stopped.

    Args:
        model: a `Wolf`.
        split: `Split` of images.
        batch_size, num_samples, seed, strategy: see `likelihood_batches`.
        cache: `ResumeCache` of this evaluation.
        progress: function of (description, total, done) that returns a context manager of a
            function `update(count)`.

    Attributes:
        model, split, num_samples, seed: as given.
        columns: `{name: values [num_images]}`, everything computed per image so far.
    """

    def __init__(
        self,
        model: Wolf,
        split: Split,
        batch_size: int,
        num_samples: int,
        seed: int,
        strategy: tf.distribute.Strategy,
        cache: ResumeCache,
        progress: Progress,
    ) -> None:
        self.model, self.split, self.num_samples, self.seed = model, split, num_samples, seed
        self.columns: dict[str, np.ndarray] = {}
        self._batch_size, self._strategy, self._cache, self._progress = (
            batch_size,
            strategy,
            cache,
            progress,
        )

    def likelihood(self) -> dict[str, Any]:
        """Return `summarize` of the likelihood of the images, and add it to the columns.

        The dict also has `has_posterior`, whether the model has an encoder posterior q(z|x), and
        `kind_of_bound`.
        """
        terms = self.terms('images', self.split)
        unit = self.model.values.unit
        mean, iwae = image_likelihoods(terms, self.model.num_dims, unit)
        self.columns = {unit.name: mean, f'{unit.name}_iwae': iwae}
        summary = summarize(terms, self.model.num_dims, unit)
        return {
            **summary,
            'has_posterior': self.model.latent.has_posterior,
            **kind_of_bound(self.model),
        }

    def terms(self, name: str, split: Split) -> np.ndarray:
        """Return the terms of the bound, float64 `[num_samples, num_images, 4]`, in nats.

        See `likelihood_batches`.

        Args:
            name: name of the images for the progress bar and for resuming; 'images' for those of
                the evaluation.
            split: `Split` of the images.
        """
        batch_size = effective_batch_size(split, self._batch_size, self._strategy)
        seed = self.seed if name == 'images' else seeds.derive(self.seed, name)

        def compute(first_batch: int) -> Iterable[np.ndarray]:
            return likelihood_batches(
                self.model, split, batch_size, self.num_samples, seed, self._strategy, first_batch
            )

        return np.concatenate(self._cached(name, split, compute, axis=1), axis=1)

    def by_batch(self, name: str, compute: Callable[[tf.Tensor], np.ndarray]) -> list[np.ndarray]:
        """Return the results of a function for the images of each batch, in order.

        Args:
            name: name of the results for the progress bar and for resuming.
            compute: function of uint8 images `[batch, height, width, channels]` that returns an
                array `[batch, ...]`.
        """
        batch_size = min(self._batch_size, self.split.num_examples)

        def batches(first_batch: int) -> Iterable[np.ndarray]:
            for batch in evaluation_batches(self.split, batch_size, first_batch):
                yield compute(tf.boolean_mask(batch['image'], batch['mask']))

        return self._cached(name, self.split, batches, axis=0)

    def _cached(
        self, name: str, split: Split, compute: Callable[[int], Iterable[np.ndarray]], axis: int
    ) -> list[np.ndarray]:
        """Return the rows of the cache under a name, after computing and adding missing ones.

        Args:
            name: name in the cache.
            split: `Split` of the images.
            compute: function of the number of the first batch that yields a row per batch.
            axis: axis of a row that is over images.
        """
        rows = self._cache.rows(name)
        done = sum(row.shape[axis] for row in rows)
        with self._progress(f'Evaluating {name}', split.num_examples, done) as update:
            if done < split.num_examples:
                for row in compute(len(rows)):
                    rows.append(row)
                    self._cache.append(name, row)
                    update(row.shape[axis])
        return rows
