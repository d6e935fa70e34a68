"""Repeat twenty optimizer steps of the reference with the same images and noise."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tfwolf.core.variables import as_tensorflow, trainable_variables
from tfwolf.models.terms import Noise
from tfwolf.models.wolf import Wolf
from tfwolf.reference.comparison import Comparison, compare, failed, skipped
from tfwolf.reference.layout import slots
from tfwolf.training.optimizer import AdamW, WarmupDecay

LOSS_TOLERANCE = 1e-9
FINAL_TOLERANCE = 1e-8
INPUTS = (
    'images',
    'dequant_noise',
    'posterior_noise',
    'labels',
    'weight_decay',
    'warmup_steps',
    'decay',
    'base_lr',
    'init_lr',
    'n_bits',
)


def skipped_trajectory(trajectory: Mapping[str, object], reason: str) -> list[Comparison]:
    """Return a comparison with status 'skipped' for each array of a trajectory.

    Args:
        trajectory: `{key: array}` of a `Fixture`.
        reason: why it is not compared.
    """
    return [
        skipped(f'trajectory {key}', 'an input' if key in INPUTS else reason) for key in trajectory
    ]


def compare_trajectory(trajectory: Mapping[str, np.ndarray], model: Wolf) -> list[Comparison]:
    """Train a model as the fixture, and return the comparisons with its trajectory.

    Losses, learning rates and final weights are compared.

    Args:
        trajectory: `{key: array}` of a `Fixture`.
        model: a float64 `Wolf` with the fixture's weights and full matrices; it is trained.
    """
    variables = [as_tensorflow(variable) for variable in trainable_variables(model)]
    schedule = WarmupDecay(
        int(trajectory['warmup_steps']),
        peak=float(trajectory['base_lr']),
        initial=float(trajectory['init_lr']),
        decay=float(trajectory['decay']),
    )
    optimizer = AdamW(variables, schedule, weight_decay=float(trajectory['weight_decay']))
    images = tf.constant(trajectory['images'])
    labels = tf.constant(trajectory['labels']) if 'labels' in trajectory else None

    @tf.function(autograph=False)
    def step(noise):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            loss = tf.reduce_mean(model.terms(images, noise, training=True, labels=labels).nll_nats)
        gradients = tape.gradient(
            loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        rate = optimizer.learning_rate
        optimizer.apply(list(map(tf.convert_to_tensor, gradients)), tf.constant(True))
        return loss, rate

    num_steps = len(trajectory['loss'])
    posterior_noise = trajectory.get('posterior_noise')
    losses, rates = [], []
    for number in range(num_steps):
        posterior = (
            tf.zeros([len(images), model.latent.noise_dim], model.dtype)
            if posterior_noise is None
            else tf.constant(posterior_noise[number], model.dtype)
        )
        loss, rate = step(
            Noise(tf.constant(trajectory['dequant_noise'][number], model.dtype), posterior)
        )
        losses.append(float(loss))
        rates.append(float(rate))
    lines = skipped_trajectory({key: None for key in trajectory if key in INPUTS}, '')
    lines.append(compare('trajectory loss', losses, trajectory['loss'], LOSS_TOLERANCE))
    if 'learning_rate' in trajectory:
        lines.append(
            compare('trajectory learning_rate', rates, trajectory['learning_rate'], LOSS_TOLERANCE)
        )
    by_name = {slot.name: slot for slot in slots(model)}
    for key, theirs in trajectory.items():
        name = key.removeprefix('final/')
        if key.startswith('final/') and name in by_name:
            slot = by_name[name]
            lines.append(
                compare(
                    f'trajectory {key}',
                    slot.pick(next(iter(slot.weights.values()))),
                    slot.axes.to_ours(theirs),
                    FINAL_TOLERANCE,
                )
            )
        elif key not in (*INPUTS, 'loss', 'learning_rate'):
            lines.append(failed(f'trajectory {key}', 'tfwolf has no output of this name'))
    return lines
