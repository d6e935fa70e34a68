"""Data-dependent initialization before the first step (Glow, section 3.1; Wolf, appendix C)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfwolf.core import seeds, validate
from tfwolf.models.latent import Array
from tfwolf.models.terms import Noise
from tfwolf.models.values import ContinuousValues
from tfwolf.models.wolf import Wolf


def initialize(
    model: Wolf,
    images: Array,
    seed: int,
    chunk_size: int = 256,
    progress: Callable[[int], object] | None = None,
    labels: Array | None = None,
) -> None:
    """Initialize the weights that depend on data.

    These are the last layer of the encoder, then the actnorms of the prior, of a learned
    dequantizer and of the flow in order. The pass runs once, eagerly, on one device. Its result is
    copied to all replicas, so it does not depend on their number. Couplings start as the identity,
    so their networks do not run and the pass takes seconds. Shift and scale of continuous values
    are those of the images, unless they were set before (`ContinuousValues.fit`).

    Args:
        model: a `Wolf`.
        images: uint8 `[num_images, height, width, channels]`, real images.
        seed: integer seed of dequantization and posterior noise.
        chunk_size: number of images that the encoder processes at a time.
        progress: called with the number of images done since the last call; optional.
        labels: integers `[num_images]`; required if the model's z is a function of labels.

    Raises:
        ValueError: if there are no images, the chunk size is not a positive integer, or required
            labels are missing.
    """
    validate.integer('chunk_size', chunk_size, minimum=1)
    if len(images) == 0:
        raise ValueError('`images` must contain at least one image; got none.')
    if isinstance(model.values, ContinuousValues) and not model.values.fitted.numpy():
        rows = np.asarray(images, np.float64).reshape(-1, model.image_shape[-1])
        model.values.fit(rows.mean(axis=0), rows.std(axis=0))
    noise = model.draw_noise(len(images), seeds.tensor_seed(seed, 'initialize'))
    cuts = list(range(0, len(images), chunk_size)) + [len(images)]
    spans = [slice(*span) for span in zip(cuts, cuts[1:])]

    chunks = [tf.convert_to_tensor(np.asarray(images[span])) for span in spans]
    noises = [Noise(noise.dequantization[span], noise.posterior[span]) for span in spans]
    z = model.latent.initialize(
        [model.encoder_input(chunk) for chunk in chunks],
        [part.posterior for part in noises],
        [None if labels is None else labels[span] for span in spans],
    )
    model.dequantizer.initialize(
        [model.encoder_input(chunk) for chunk in chunks], [part.dequantization for part in noises]
    )
    if progress:
        progress(len(images) // 2)
    parts = [part for part in z if part is not None]
    condition = model.flow_condition(
        tf.concat(parts, axis=0) if parts else None, model.condition_of(images)
    )
    model.flow.initialize_and_forward(
        tf.concat([model.flow_input(*pair) for pair in zip(chunks, noises)], axis=0), condition
    )
    model.initialized.assign(True)
    if progress:
        progress(len(images) - len(images) // 2)
