"""Held-out likelihood: mean of K evidence lower bounds, and the importance-weighted bound."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfwolf.core import seeds, validate
from tfwolf.core.replicas import deal, local_rows
from tfwolf.data.dataset import Split
from tfwolf.data.pipeline import evaluation_batches
from tfwolf.distributions.unit import BITS_PER_DIM, NATS_PER_DIM, Unit
from tfwolf.models.wolf import Wolf

TERMS = ('reconstruction_nats', 'kl_nats', 'dequantization_nats', 'dequantizer_nats')
# Two-sided 95 % of a normal distribution, in standard errors.
QUANTILE_95 = 1.959964


def evaluate_likelihood(
    model: Wolf,
    split: Split,
    batch_size: int,
    num_samples: int,
    seed: int,
    strategy: tf.distribute.Strategy,
    progress: Callable[[int], object] | None = None,
) -> dict[str, Any]:
    """Return `summarize` of the likelihood of a split, and `kind_of_bound`.

    Args:
        model, split, batch_size, num_samples, seed, strategy: see `likelihood_batches`.
        progress: called with the number of images of each finished batch; optional.

    Raises:
        ValueError: if `num_samples` is invalid.
    """
    terms = likelihood_terms(model, split, batch_size, num_samples, seed, strategy, progress)
    return {**summarize(terms, model.num_dims, model.values.unit), **kind_of_bound(model)}


def kind_of_bound(model: Wolf) -> dict[str, str]:
    """Return what the bound is of, `dequantization` and, of a model that has one, `condition`.

    `dequantization` is 'uniform', 'variational' or, of continuous values, 'none'; `condition` is
    its description. The bits per dimension of a model with a condition are those of p(x|c).
    """
    of_condition = {} if model.condition is None else {'condition': model.condition.description}
    return {'dequantization': model.dequantizer.kind, **of_condition}


def likelihood_terms(
    model: Wolf,
    split: Split,
    batch_size: int,
    num_samples: int,
    seed: int,
    strategy: tf.distribute.Strategy,
    progress: Callable[[int], object] | None = None,
    terms: Terms | None = None,
) -> np.ndarray:
    """Return the terms of the bound of a split, float64 `[num_samples, num_images, 4]`, in nats.

    Args:
        model, split, batch_size, num_samples, seed, strategy, terms: see `likelihood_batches`.
        progress: see `evaluate_likelihood`.

    Raises:
        ValueError: if `num_samples` is invalid.
    """
    rows = []
    for row in likelihood_batches(
        model, split, batch_size, num_samples, seed, strategy, terms=terms
    ):
        rows.append(row)
        if progress:
            progress(row.shape[1])
    return np.concatenate(rows, axis=1)


def likelihood_batches(
    model: Wolf,
    split: Split,
    batch_size: int,
    num_samples: int,
    seed: int,
    strategy: tf.distribute.Strategy,
    first_batch: int = 0,
    terms: Terms | None = None,
) -> Iterator[np.ndarray]:
    """Yield the terms of the bound batch by batch, float64 `[num_samples, images, 4]`, in nats.

    The terms are in the order of `TERMS`. The noise of an image depends on the seed and on its
    batch, but not on the number of replicas or on earlier batches.

    Args:
        model: a `Wolf`.
        split: `Split` of images.
        batch_size: images per batch over all replicas; the last batch is padded and the padding is
            dropped.
        num_samples: K, draws of z and of the dequantization noise per image, at least 1.
        seed: integer.
        strategy: the `tf.distribute` strategy in whose scope the model was made.
        first_batch: number of batches to skip because they were computed before.
        terms: `Terms` of this model, batch size and strategy, to trace them only once; None makes
            them.

    Raises:
        ValueError: if `num_samples` is invalid.
    """
    validate.integer('num_samples', num_samples, minimum=1)
    batch_size = effective_batch_size(split, batch_size, strategy)
    if first_batch * batch_size >= split.num_examples:
        return
    terms = terms or Terms(model, batch_size, strategy)
    base = seeds.tensor_seed(seed, 'likelihood')
    batches = deal(strategy, evaluation_batches(split, batch_size, first_batch))
    for number in range(first_batch, math.ceil(split.num_examples / batch_size)):
        batch = next(batches)
        samples = [
            terms(batch['image'], batch['label'], seeds.fold_in(base, number, k)).numpy()
            for k in range(num_samples)
        ]
        # Drop the padding of the last batch.
        yield np.stack(samples)[:, : split.num_examples - number * batch_size].astype(np.float64)


class Terms:
    """The compiled terms of the bound of a batch, computed with the weights of the moment.

    Args:
        model: a `Wolf`.
        batch_size: images per batch over all replicas, a multiple of them.
        strategy: the `tf.distribute` strategy in whose scope the model was made.
    """

    def __init__(self, model: Wolf, batch_size: int, strategy: tf.distribute.Strategy) -> None:
        self._model, self._batch_size, self._strategy = model, batch_size, strategy

    @tf.function(autograph=False)
    def __call__(self, images: tf.Tensor, labels: tf.Tensor, noise_seed: tf.Tensor) -> tf.Tensor:
        """Return the terms, `[batch_size, 4]`, in the order of `TERMS`, in nats.

        Args:
            images: uint8 `[batch_size, height, width, channels]`, distributed over the replicas.
            labels: int64 `[batch_size]`, likewise.
            noise_seed: seed of the noise of the whole batch.
        """
        local_batch_size = self._batch_size // self._strategy.num_replicas_in_sync

        def replica_terms(images, labels):
            noise = self._model.draw_noise(self._batch_size, noise_seed)
            terms = self._model.terms(images, local_rows(noise, local_batch_size), labels=labels)
            terms = tf.stack([getattr(terms, name) for name in TERMS], axis=-1)
            # In the order of the replicas, which is that of the images; every worker gets all.
            return tf.distribute.get_replica_context().all_gather(terms, axis=0)

        of_replicas = self._strategy.run(replica_terms, (images, labels))
        return self._strategy.experimental_local_results(of_replicas)[0]


def effective_batch_size(split: Split, batch_size: int, strategy: tf.distribute.Strategy) -> int:
    """Return the batch size in use: at most the number of images, and a multiple of the replicas.

    It is rounded up to that multiple.
    """
    replicas = strategy.num_replicas_in_sync
    return math.ceil(min(batch_size, split.num_examples) / replicas) * replicas


def image_likelihoods(
    terms: np.ndarray, num_dims: int, unit: Unit = BITS_PER_DIM
) -> tuple[np.ndarray, np.ndarray]:
    """Return (mean of K bounds, importance-weighted bound) of images, `[num_images]` each.

    Both are per dimension, in the unit. The second is `-log(1/K sum exp(-nll_k))`, which is never
    above the first.

    Args:
        terms: `[num_samples, num_images, 4]`, in nats.
        num_dims: height * width * channels.
        unit: the `Unit` of the model's values.

    Reference: Burda, Grosse and Salakhutdinov, "Importance Weighted Autoencoders", 2016,
        arXiv:1509.00519, equation 8.
    """
    nll_nats = terms.sum(axis=-1)
    with np.errstate(invalid='ignore'):
        iwae_nats = -(np.logaddexp.reduce(-nll_nats, axis=0) - math.log(len(nll_nats)))
    return (
        np.asarray(unit.of(nll_nats.mean(axis=0), num_dims)),
        np.asarray(unit.of(iwae_nats, num_dims)),
    )


def summarize(terms: np.ndarray, num_dims: int, unit: Unit = BITS_PER_DIM) -> dict[str, Any]:
    """Return a dict of means over images; one value that is not finite makes its mean not finite.

    Args:
        terms: `[num_samples, num_images, 4]`, in nats.
        num_dims: height * width * channels.
        unit: the `Unit` of the model's values.

    Returns:
        floats `bits_per_dim` (averaged as in the paper: the mean of K bounds), its standard error
            `bits_per_dim_stderr`, `bits_per_dim_iwae`, `iwae_gap_bits_per_dim` (the difference of
            the two bounds), `nll_nats` and its four terms, `dequantizer_bits_per_dim`;
            `bits_per_dim_interval_95` over the choice of images; `num_images`, `num_samples`,
            `num_not_finite`. Of continuous values the names begin with `nats_per_dim` instead,
            there are no terms of a dequantization, and `nll_nats_interval_95` is added.
    """
    num_samples, num_images, _ = terms.shape
    per_image, per_image_iwae = image_likelihoods(terms, num_dims, unit)
    with np.errstate(invalid='ignore'):
        stderr = per_image.std(ddof=1) / math.sqrt(num_images) if num_images > 1 else 0.0
    mean, iwae = per_image.mean(), per_image_iwae.mean()
    name = unit.name
    result = {
        name: mean,
        f'{name}_stderr': stderr,
        f'{name}_iwae': iwae,
        f'iwae_gap_{name}': mean - iwae,
        'nll_nats': terms.sum(axis=-1).mean(),
        **dict(zip(TERMS, terms.mean(axis=(0, 1)))),
        f'dequantizer_{name}': unit.of(
            terms[..., TERMS.index('dequantizer_nats')].mean(), num_dims
        ),
    }
    interval = [float(mean - QUANTILE_95 * stderr), float(mean + QUANTILE_95 * stderr)]
    intervals = {f'{name}_interval_95': interval}
    if unit is NATS_PER_DIM:
        result = {key: value for key, value in result.items() if 'dequanti' not in key}
        intervals['nll_nats_interval_95'] = [num_dims * end for end in interval]
    return {
        **{key: float(value) for key, value in result.items()},
        **intervals,
        'num_images': num_images,
        'num_samples': num_samples,
        'num_not_finite': int((~np.isfinite(per_image)).sum()),
    }
