"""Images per second of evaluation, encoding, sampling and the input pipeline."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfwolf.core import seeds
from tfwolf.models.wolf import Wolf
from tfwolf.training.run import TrainingRun

PASSES = 3
INPUT_SECONDS = 3.0


def images_per_second(run: TrainingRun, batches: tf.data.Dataset) -> dict[str, float]:
    """Return `{name: images per second}`, of the model and of the input pipeline alone.

    Args:
        run: a `TrainingRun` with an initialized model; its batch size is used.
        batches: its training batches, only used to time the input pipeline.
    """
    size = run.settings.batch_size
    examples = run.dataset.train.load(tf.range(size, dtype=tf.int64))
    functions = _functions(run.model, examples['image'], examples['label'], run.seed)
    rates = {name: size / _seconds_per_call(function) for name, function in functions.items()}
    rates['input'] = size / _seconds_per_batch(batches)
    return rates


def _functions(
    model: Wolf, images: tf.Tensor, labels: tf.Tensor, seed: int
) -> dict[str, Callable[[], tf.Tensor]]:
    """Return the functions to time, each for a batch of images."""
    size = len(images)
    noise_seed = seeds.tensor_seed(seed, 'benchmark')

    def evaluate() -> tf.Tensor:
        return model.terms(images, model.draw_noise(size, noise_seed), labels=labels).nll_nats

    condition = model.condition_of(images)

    def sample() -> tf.Tensor:
        return model.sample(size, seed, condition=condition)

    return {
        'evaluate': tf.function(evaluate, autograph=False),
        'encode': tf.function(lambda: model.encode(images, labels)[1], autograph=False),
        'sample': tf.function(sample, autograph=False),
    }


def _seconds_per_call(function: Callable[[], tf.Tensor]) -> float:
    """Return the median time of a few calls, after one that traces the function."""

    def call() -> float:
        started = time.perf_counter()
        np.asarray(function())
        return time.perf_counter() - started

    call()
    return float(np.median([call() for _ in range(PASSES)]))


def _seconds_per_batch(batches: tf.data.Dataset) -> float:
    iterator = iter(batches)
    next(iterator)
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < INPUT_SECONDS:
        next(iterator)
        count += 1
    return (time.perf_counter() - started) / count
