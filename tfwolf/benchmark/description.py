"""Numbers of an experiment without training it: parameters, levels, memory, and days of a run."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import tensorflow as tf

from tfwolf.core import seeds
from tfwolf.core.memory import free_bytes
from tfwolf.core.variables import count_parameters
from tfwolf.models.arithmetic import arithmetic
from tfwolf.models.wolf import Wolf
from tfwolf.training.memory import GIB, shortage, training_bytes
from tfwolf.training.run import TrainingRun
from tfwolf.training.settings import Settings

SECONDS_PER_DAY = 86400


def describe(model: Wolf, settings: Settings, tf32: bool = False) -> dict[str, Any]:
    """Return the numbers of a model and its training, and the free memory, a dict for JSON.

    Args:
        model: a `Wolf`.
        settings: the `Settings` of its training.
        tf32: whether GPUs may use TF32 in training steps.
    """
    free = free_bytes()
    return {
        'parameters': count_parameters(model),
        'latent_dim': model.latent.dim,
        'image_shape': list(model.image_shape),
        'num_bits': model.num_bits,
        'condition': None if model.condition is None else model.condition.description,
        'parts': {
            'flow': count_parameters(model.flow),
            'latent': count_parameters(model.latent),
            'dequantizer': count_parameters(model.dequantizer),
        },
        'dequantization': model.dequantizer.kind,
        'levels': [level._asdict() for level in model.flow.levels],
        'batch_size': settings.batch_size,
        'arithmetic': arithmetic(model, tf32),
        'max_steps': settings.max_steps,
        'training_memory_gib': training_bytes(model, settings) / GIB,
        'free_memory_gib': None if free is None else free / GIB,
    }


def speed(run: TrainingRun, batch_size: int) -> dict[str, Any]:
    """Return `{'images_per_second', 'days_to_max_steps'}` of training steps on synthetic images.

    The weights of the model change. If a step needs more memory than is free, it is not taken, and
    the result is `{'not_timed': reason}`.

    Args:
        run: a `TrainingRun`; its images are not used.
        batch_size: images per timed step.
    """
    settings = dataclasses.replace(run.settings, batch_size=batch_size, accumulation_steps=1)
    too_much = shortage(
        training_bytes(run.model, settings),
        f'A training step of {batch_size} images',
        'Lower --timed_batch_size.',
    )
    if too_much:
        return {'not_timed': too_much}
    step = dataclasses.replace(run, settings=settings).make_step()
    run.model.initialized.assign(True)
    noise = seeds.uniform(
        [batch_size, *run.model.image_shape], seeds.tensor_seed(0, 'summary'), tf.float32
    )
    batch = tf.data.Dataset.from_tensors(
        (tf.cast(256 * noise, tf.uint8), tf.zeros([batch_size], tf.int64))
    )
    images, labels = next(iter(run.strategy.experimental_distribute_dataset(batch)))
    with run.arithmetic_of_steps():
        step.compile_ahead(images, labels)
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
