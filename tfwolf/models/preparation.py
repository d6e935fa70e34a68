"""Runs the `Preparation` of a flow: another flow is trained first and measured on images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfwolf.bijectors.preparation import Preparation
from tfwolf.core import seeds
from tfwolf.data.dataset import Split
from tfwolf.data.pipeline import evaluation_batches
from tfwolf.models.wolf import Wolf


def preparing_model(model: Wolf) -> Wolf:
    """Return the model of the first training phase, with its own weights.

    Raises:
        ValueError: if the model needs no preparation.
    """
    return model.with_flow(**_preparation_of(model).flow_changes)


def conclude_preparation(
    model: Wolf,
    prepared: Wolf,
    split: Split,
    batch_size: int,
    seed: int,
    progress: Callable[[int], object] | None = None,
) -> None:
    """Measure the prepared model on all images and configure the model's flow from the averages.

    Args:
        model: the `Wolf` that will be trained.
        prepared: the trained `preparing_model` of it.
        split: `Split` of training images.
        batch_size: images per batch.
        seed: integer seed of the dequantization noise and of z.
        progress: called with the number of images of each batch; optional.

    Raises:
        ValueError: if the model needs no preparation, or the split has no images.
    """
    preparation = _preparation_of(model)
    if split.num_examples == 0:
        raise ValueError('`split` must contain at least one image; got none.')

    @tf.function(autograph=False)
    def measured_sums(images, labels, mask, noise_seed):
        noise = prepared.draw_noise(batch_size, noise_seed)
        condition = prepared.infer(images, noise, labels=labels).condition
        x = prepared.flow_input(images, noise)
        measured = preparation.measure(prepared.flow, x, condition)
        return [
            tf.reduce_sum(tf.cast(tf.boolean_mask(array, mask), tf.float64), axis=0)
            for array in measured
        ]

    batch_size = min(batch_size, split.num_examples)
    base = seeds.tensor_seed(seed, 'preparation')
    totals: list[np.ndarray] = []
    for number, batch in enumerate(evaluation_batches(split, batch_size)):
        sums = measured_sums(
            batch['image'], batch['label'], batch['mask'], seeds.fold_in(base, number)
        )
        parts = [part.numpy() for part in sums]
        totals = [total + part for total, part in zip(totals, parts)] if totals else parts
        if progress:
            progress(int(batch['mask'].numpy().sum()))
    preparation.conclude(model.flow, [total / split.num_examples for total in totals])


def _preparation_of(model: Wolf) -> Preparation:
    preparation = model.flow.preparation
    if preparation is None:
        raise ValueError(
            f'`model` must have a flow that needs a preparation; got {model.flow.name!r}.'
        )
    return preparation
