"""Training steps of small models on random images."""

import numpy as np
import tensorflow as tf

from support.small_models import random_images, small_wolf
from tfwolf.core.variables import named_variables, trainable_variables
from tfwolf.data.array_split import ArraySplit
from tfwolf.data.pipeline import training_batches
from tfwolf.training.objective import Objective
from tfwolf.training.optimizer import AdamW, WarmupDecay
from tfwolf.training.settings import Settings
from tfwolf.training.step import TrainStep

BATCH = 8
IMAGES = random_images(64)
SPLIT = ArraySplit(lambda: (IMAGES, None), 64, IMAGES.shape[1:])


def make_run(
    strategy,
    dtype=tf.float32,
    objective=Objective(),
    clip_norm=None,
    peak=1e-2,
    make=small_wolf,
    accumulation_steps=1,
    gradient_memory='store',
    xla=False,
    **model,
):
    """Return a model, its optimizer and its training step."""
    with strategy.scope():
        wolf = make(dtype=dtype, **model)
        optimizer = AdamW(trainable_variables(wolf), WarmupDecay(3, peak=peak), weight_decay=1e-3)
        settings = Settings(
            BATCH,
            100,
            objective=objective,
            clip_norm=clip_norm,
            accumulation_steps=accumulation_steps,
            gradient_memory=gradient_memory,
        )
        step = TrainStep(strategy, wolf, optimizer, settings, seed=1, xla=xla)
    return wolf, optimizer, step


def take_steps(strategy, step, first, last):
    """Take steps `first` to `last` (exclusive), and return the metrics of each."""
    batches = training_batches(SPLIT, BATCH, seed=1, first_step=first).map(
        lambda batch: batch['image']
    )
    batches = iter(strategy.experimental_distribute_dataset(batches))
    return [
        {name: value.numpy() for name, value in step(next(batches)).items()}
        for _ in range(first, last)
    ]


def weights(model):
    """Return `{path: array}` of all variables of a model."""
    return {
        path: np.array(tf.convert_to_tensor(variable)) for path, variable in named_variables(model)
    }


def assert_equal_trainings(found, expected, metrics_rtol=1e-9, weights_atol=1e-9):
    """Assert that two trainings have equal metrics and weights, up to rounding.

    Args:
        found, expected: (metrics of each step, `{path: array}` of the weights after them).
        metrics_rtol: relative tolerance of the metrics.
        weights_atol: absolute tolerance of the weights, beside a relative one.
    """
    (found_metrics, found_weights), (expected_metrics, expected_weights) = found, expected
    for of_found, of_expected in zip(found_metrics, expected_metrics, strict=True):
        assert of_found.keys() == of_expected.keys()
        for name, value in of_expected.items():
            np.testing.assert_allclose(of_found[name], value, rtol=metrics_rtol, err_msg=name)
    for path, value in expected_weights.items():
        np.testing.assert_allclose(
            found_weights[path], value, rtol=1e-6, atol=weights_atol, err_msg=str(path)
        )
