"""Assesses a model on a split: likelihood, unusual images, soundness of the flow, one row per image."""
from __future__ import annotations

from typing import Any, Callable, ContextManager, Dict

import numpy as np
import tensorflow as tf

from tfwolf import seeds
from tfwolf.data.dataset import Split
from tfwolf.data.pipeline import evaluation_batches
from tfwolf.evaluation.invertibility import invertibility_report
from tfwolf.evaluation.journal import Journal
from tfwolf.evaluation.likelihood import effective_batch_size, image_bits_per_dim, likelihood_batches, summarize
from tfwolf.evaluation.outliers import CODERS, coded_bits_per_dim, likelihood_caveat, typicality
from tfwolf.evaluation.soundness import finite_samples, non_finite_samples, reconstruction_errors
from tfwolf.models.wolf import Wolf


class Assessment:
    """Evaluates a model in parts, each of which goes on where an interrupted evaluation stopped.

    Args:
        model: a `Wolf`.
        split: `Split` of images.
        batch_size, num_samples, seed, strategy: see `likelihood_batches`.
        journal: `Journal` of this very evaluation.
        progress: function from (description, total, done) to a context manager that gives `update(count)`.
    """

    def __init__(self, model: Wolf, split: Split, batch_size: int, num_samples: int, seed: int, strategy: tf.distribute.Strategy,
                 journal: Journal, progress: Callable[[str, int, int], ContextManager]) -> None:
        self._model, self._split, self._seed = model, split, seed
        self._batch_size, self._num_samples, self._strategy = batch_size, num_samples, strategy
        self._journal, self._progress = journal, progress
        self._columns = {}

    def likelihood(self) -> Dict[str, Any]:
        """Returns `summarize` of the likelihood of the images."""
        terms = self._terms('images', self._split)
        mean, iwae = image_bits_per_dim(terms, self._model.num_dims)
        self._columns = {'bits_per_dim': mean, 'bits_per_dim_iwae': iwae}
        return summarize(terms, self._model.num_dims)

    def unusual_images(self, num_samples: int) -> Dict[str, Any]:
        """Returns the dicts `typicality` and `complexity` and the line `likelihood_caveat`; call `likelihood` first.

        Args:
            num_samples: number of the model's own samples that images are compared with.
        """
        bits_per_dim = self._columns['bits_per_dim']
        samples = finite_samples(self._model, num_samples, self._seed)
        of_samples = np.empty(0)
        if samples.num_examples:
            of_samples, _ = image_bits_per_dim(self._terms(f'samples of {num_samples}', samples), self._model.num_dims)
            # A sample can be finite and its likelihood not.
            of_samples = of_samples[np.isfinite(of_samples)]
        typical = {'num_samples': len(of_samples)}
        if len(of_samples) >= 2:
            distance = typicality(bits_per_dim, of_samples)
            low, high = np.quantile(of_samples, [0.025, 0.975])
            typical.update(samples_bits_per_dim=of_samples.mean(), samples_bits_per_dim_std=of_samples.std(ddof=1),
                           mean_distance=distance.mean(), mean_absolute_distance=np.abs(distance).mean(),
                           share_outside_95_percent_of_samples=np.mean((bits_per_dim < low) | (bits_per_dim > high)))
            self._columns['typicality'] = distance
        coded = self._coded()
        correlation, caveat = likelihood_caveat(bits_per_dim, coded)
        corrected = bits_per_dim - coded
        self._columns.update(coded_bits_per_dim=coded, complexity_corrected_bits_per_dim=corrected)
        return {'typicality': {name: float(value) if name != 'num_samples' else value for name, value in typical.items()},
                'complexity': {'coders': list(CODERS), 'coded_bits_per_dim': float(coded.mean()),
                               'corrected_bits_per_dim': float(corrected.mean()), 'rank_correlation': correlation},
                'likelihood_caveat': caveat}

    def soundness(self, num_images: int) -> Dict[str, Any]:
        """Returns the dicts `reconstruction` and `non_finite_samples` and the list `invertibility`.

        Args:
            num_images: on how many of the first images, and on how many samples per temperature.
        """
        examples = self._split.load(tf.range(min(num_images, self._split.num_examples), dtype=tf.int64))
        images, labels = examples['image'], examples['label']
        return {'reconstruction': reconstruction_errors(self._model, images, labels),
                'non_finite_samples': non_finite_samples(self._model, num_images, self._seed),
                'invertibility': invertibility_report(self._model, images, self._seed, labels)}

    def columns(self) -> Dict[str, np.ndarray]:
        """Returns `{name: values [num_images]}` of everything computed for single images so far."""
        return dict(self._columns)

    def _terms(self, name, split):
        batch_size = effective_batch_size(split, self._batch_size, self._strategy)
        seed = self._seed if name == 'images' else seeds.derive(self._seed, name)

        def compute(first_batch):
            return likelihood_batches(self._model, split, batch_size, self._num_samples, seed, self._strategy, first_batch)

        return np.concatenate(self._journalled(name, split, compute, axis=1), axis=1)

    def _coded(self):
        batch_size = min(self._batch_size, self._split.num_examples)

        def compute(first_batch):
            for batch in evaluation_batches(self._split, batch_size, first_batch):
                yield coded_bits_per_dim(tf.boolean_mask(batch['image'], batch['mask']), self._model.num_bits)

        return np.concatenate(self._journalled('file lengths', self._split, compute, axis=0))

    def _journalled(self, name, split, compute, axis):
        rows = self._journal.rows(name)
        done = sum(row.shape[axis] for row in rows)
        with self._progress(f'Evaluating {name}', split.num_examples, done) as update:
            if done < split.num_examples:
                for row in compute(len(rows)):
                    rows.append(row)
                    self._journal.append(name, row)
                    update(row.shape[axis])
        return rows
