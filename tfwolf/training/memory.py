"""Estimates of memory, compared with what is free before anything large is started."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfwolf.core.memory import free_bytes
from tfwolf.core.variables import count_parameters
from tfwolf.models.wolf import Wolf
from tfwolf.training.flow_gradients import RECOMPUTE, STORE
from tfwolf.training.settings import Settings

BYTES_PER_FLOAT = 4
# TensorFlow reuses the memory of about half of the arrays that are counted: measured on CPUs with
# `cifar10` (74 MB per image of 148 counted) and `cifar10_small` (6.1 of 11.9).
KEPT = 0.5
# Arrays of a coupling that exist at once without gradients.
HIDDEN_AT_ONCE = 3
# Estimates are rough, so a computation is refused only far beyond the free memory.
SURELY_TOO_MUCH = 2.0
GIB = 2**30


def training_bytes(model: Wolf, settings: Settings, num_replicas: int = 1) -> float:
    """Return an estimate of the memory that a training step takes on each replica.

    It counts weights, gradients, the two moments of the optimizer, averages of the weights, and the
    activations that `gradient_memory` keeps: for each coupling the arrays of the width of its
    network, and about twelve arrays of its channels.

    Args:
        model: a `Wolf`.
        settings: its `Settings`.
        num_replicas: number of replicas among which the batch is split.
    """
    levels = _levels(model)
    stored = _stored(levels)
    if settings.gradient_memory == STORE:
        kept = KEPT * sum(stored)
    else:
        # One step at a time is computed again.
        steps = [size / max(level.num_steps, 1) for size, level in zip(stored, levels)]
        kept = KEPT * max(steps, default=0)
        if settings.gradient_memory == RECOMPUTE:
            kept += sum(
                level.height * level.width * level.channels * level.num_steps for level in levels
            )
    # A learned dequantizer stores its activations in any case.
    kept += KEPT * sum(_stored(getattr(model.dequantizer.trained_flow, 'levels', ())))
    images = math.ceil(settings.batch_size / (num_replicas * settings.accumulation_steps))
    copies = 5 if settings.ema_decay else 4
    return BYTES_PER_FLOAT * (copies * count_parameters(model) + images * kept)


def evaluation_bytes(model: Wolf, batch_size: int) -> float:
    """Return an estimate of the memory that a batch of images takes without gradients."""
    sizes = [
        level.height * level.width * (HIDDEN_AT_ONCE * level.hidden_channels + 12 * level.channels)
        for level in _levels(model)
    ]
    widest = max(sizes, default=0)
    return BYTES_PER_FLOAT * (count_parameters(model) + batch_size * widest)


def shortage(needed: float, what: str, advice: str, free: float | None = None) -> str | None:
    """Return a message if a computation needs more memory than is free, else None.

    Args:
        needed: estimate in bytes.
        what: the computation, as the beginning of a sentence.
        advice: what to lower, as a sentence.
        free: bytes; None asks the system.
    """
    free = free_bytes() if free is None else free
    if free is None or needed <= free:
        return None
    return (
        f'{what} needs about {needed / GIB:.1f} GiB of memory, and {free / GIB:.1f} GiB are free. '
        f'{advice}'
    )


def check_memory(needed: float, what: str, advice: str) -> None:
    """Warn on stderr if a computation may need more memory than is free.

    Args:
        needed, what, advice: as in `shortage`.

    Raises:
        ValueError: if it needs far more.
    """
    if message := shortage(needed, what, advice):
        if shortage(needed / SURELY_TOO_MUCH, what, advice):
            raise ValueError(message)
        print(f'WARNING: {message} The system may end the process.', file=sys.stderr)


def check_training(model: Wolf, settings: Settings, strategy: tf.distribute.Strategy) -> None:
    """Check that a training step fits into memory, as `check_memory`.

    Args:
        model: a `Wolf`.
        settings: its `Settings`.
        strategy: the `tf.distribute` strategy among whose replicas the batch is split.
    """
    check_memory(*_training(model, settings, strategy))


def training_shortage(
    model: Wolf, settings: Settings, strategy: tf.distribute.Strategy
) -> str | None:
    """Return the message of `shortage` for a training step, or None.

    Args:
        model, settings, strategy: as in `check_training`.
    """
    return shortage(*_training(model, settings, strategy))


def check_evaluation(model: Wolf, batch_size: int, strategy: tf.distribute.Strategy) -> None:
    """Check that a batch of images fits into memory, as `check_memory`.

    Args:
        model: a `Wolf`.
        batch_size: images over all replicas.
        strategy: the `tf.distribute` strategy.
    """
    images = math.ceil(batch_size / strategy.num_replicas_in_sync)
    check_memory(
        evaluation_bytes(model, images) * _sharing(strategy),
        f'A batch of {batch_size} images',
        'Lower --batch_size.',
    )


def _training(model, settings, strategy):
    same = 'raise train.accumulation_steps'
    if settings.gradient_memory == STORE:
        same = f"set train.gradient_memory = 'reversible' or {same}"
    return (
        training_bytes(model, settings, strategy.num_replicas_in_sync) * _sharing(strategy),
        f'A training step of {settings.batch_size} images',
        f'Lower train.batch_size; for the same result, {same}.',
    )


def _stored(levels: Sequence[Any]) -> list[float]:
    """Return the number of values per image that the couplings of each level store."""
    return [
        level.height
        * level.width
        * (level.hidden_arrays * level.hidden_channels + 12 * level.channels)
        * level.num_couplings
        for level in levels
    ]


def _levels(model: Wolf) -> Sequence[Any]:
    """Return the levels of the flow; none for a flow made in Python, of which nothing is known."""
    return getattr(model.flow, 'levels', ())


def _sharing(strategy: tf.distribute.Strategy) -> int:
    """Return the number of replicas that share the memory of this machine."""
    local = strategy.extended.worker_devices
    return sum('CPU:' in device.upper() for device in local) or 1
