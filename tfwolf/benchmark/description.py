"""An experiment in numbers without training it: parameters, levels, memory, and the days that a run
takes here.
"""

from __future__ import annotations

import dataclasses
import time

import tensorflow as tf

from tfwolf.core import seeds
from tfwolf.core.variables import count_parameters
from tfwolf.models.wolf import Wolf
from tfwolf.training.run import TrainingRun
from tfwolf.training.settings import Settings

BYTES_PER_FLOAT = 4
SECONDS_PER_DAY = 86400


def describe(model: Wolf, settings: Settings) -> dict:
    """Returns the numbers of a model and its training, a dict of JSON values."""
    return {
        'parameters': count_parameters(model),
        'latent_dim': model.latent.dim,
        'image_shape': list(model.image_shape),
        'num_bits': model.num_bits,
        'parts': {'flow': count_parameters(model.flow), 'latent': count_parameters(model.latent)},
        'levels': [level._asdict() for level in model.flow.levels],
        'batch_size': settings.batch_size,
        'max_steps': settings.max_steps,
        'training_memory_gib': training_memory_bytes(model, settings.batch_size) / 2**30,
    }


def training_memory_bytes(model: Wolf, batch_size: int) -> float:
    """Returns an estimate of a training step's memory: weights, gradients, two moments, and stored
    activations.

    Backpropagation keeps of each coupling the arrays of its network's width and about twelve of its
    channels."""
    activations = sum(
        level.height
        * level.width
        * (level.hidden_arrays * level.hidden_channels + 12 * level.channels)
        * level.num_couplings
        for level in model.flow.levels
    )
    return BYTES_PER_FLOAT * (4 * count_parameters(model) + batch_size * activations)


def speed(run: TrainingRun, batch_size: int) -> dict:
    """Returns `{'images_per_second', 'days_to_max_steps'}` of training steps on synthetic images;
    it changes the model's weights.

    Args:
        run: a `TrainingRun`, whose images are not used.
        batch_size: images per timed step.
    """
    step = dataclasses.replace(
        run, settings=dataclasses.replace(run.settings, batch_size=batch_size, accumulation_steps=1)
    ).make_step()
    run.model.initialized.assign(True)
    noise = seeds.uniform(
        [batch_size, *run.model.image_shape], seeds.tensor_seed(0, 'summary'), tf.float32
    )
    batch = tf.data.Dataset.from_tensors(
        (tf.cast(256 * noise, tf.uint8), tf.zeros([batch_size], tf.int64))
    )
    images, labels = next(iter(run.strategy.experimental_distribute_dataset(batch)))
    step(images, labels)['loss_nats'].numpy()
    started = time.perf_counter()
    step(images, labels)['loss_nats'].numpy()
    seconds = (time.perf_counter() - started) / batch_size
    return {
        'images_per_second': 1 / seconds,
        'days_to_max_steps': seconds
        * run.settings.batch_size
        * run.settings.max_steps
        / SECONDS_PER_DAY,
    }
