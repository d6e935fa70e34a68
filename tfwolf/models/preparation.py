"""What some flows need before they are trained: another flow, trained first, on which something is
measured over the training images.

A flow that needs it has a `preparation` with `num_steps`, `flow_changes` (arguments that make the
other flow), `measure(flow, x, condition)` (tensors `[batch, ...]`) and `conclude(flow, averages)`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfwolf.core import seeds
from tfwolf.data.dataset import Split
from tfwolf.data.pipeline import evaluation_batches
from tfwolf.models.wolf import Wolf


def preparing_model(model: Wolf) -> Wolf:
    """Returns the model that is trained first, with weights of its own."""
    return model.with_flow(**model.flow.preparation.flow_changes)


def conclude_preparation(
    model: Wolf,
    prepared: Wolf,
    split: Split,
    batch_size: int,
    seed: int,
    progress: Callable[[int], object] | None = None,
) -> None:
    """Measures on the prepared model, averages over all images of a split, and hands the averages
    to the model's flow.

    Args:
        model: the `Wolf` that will be trained.
        prepared: the trained `preparing_model` of it.
        split: `Split` of training images.
        batch_size: images per batch.
        seed: integer, of the dequantisation noise and of z.
        progress: called with the number of images done; optional.
    """
    preparation = model.flow.preparation

    @tf.function(autograph=False)
    def measured_sums(images, labels, mask, noise_seed):
        noise = prepared.draw_noise(batch_size, noise_seed)
        z = prepared.infer(images, noise, labels=labels).z
        measured = preparation.measure(prepared.flow, prepared.flow_input(images, noise), z)
        return [
            tf.reduce_sum(tf.cast(tf.boolean_mask(array, mask), tf.float64), axis=0)
            for array in measured
        ]

    batch_size = min(batch_size, split.num_examples)
    base = seeds.tensor_seed(seed, 'preparation')
    totals = 0.0
    for number, batch in enumerate(evaluation_batches(split, batch_size)):
        sums = measured_sums(
            batch['image'], batch['label'], batch['mask'], seeds.fold_in(base, number)
        )
        totals = [total + part.numpy() for total, part in zip(totals or np.zeros(len(sums)), sums)]
        if progress:
            progress(int(batch['mask'].numpy().sum()))
    preparation.conclude(model.flow, [total / split.num_examples for total in totals])
