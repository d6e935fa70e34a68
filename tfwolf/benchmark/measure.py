"""Times of an experiment, built as for training: start, steps, evaluation, sampling, input."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfwolf.benchmark.drift import drift_warning, gradient_drift
from tfwolf.benchmark.flops import matmul_peak, training_flop_per_image
from tfwolf.benchmark.throughput import images_per_second
from tfwolf.benchmark.trace_table import profile
from tfwolf.core import seeds
from tfwolf.core.replicas import deal
from tfwolf.core.variables import as_tensorflow, count_parameters, trainable_variables
from tfwolf.data.pipeline import training_batches
from tfwolf.models.initialization import initialize
from tfwolf.training.checkpoints import restore_model
from tfwolf.training.flow_gradients import STORE
from tfwolf.training.initial_images import initial_images
from tfwolf.training.run import TrainingRun


class Benchmark:
    """A model after its first training step, ready to be timed.

    Args:
        run: the `TrainingRun`; nothing is written.
        clock: a `Clock` that was started with the process.
        checkpoint: path of a checkpoint with the weights to use; None for initial weights.

    Attributes:
        start_seconds: `{phase: seconds}` from the start of the process to the end of the first
            step.
    """

    def __init__(self, run: TrainingRun, clock: Clock, checkpoint: str | None = None) -> None:
        self._run, self._model, self._settings = run, run.model, run.settings
        self._step = run.make_step()
        clock.lap('build')
        if checkpoint is None:
            images, labels = initial_images(run.dataset.train, run.settings.init_batch_size)
            initialize(run.model, images, run.seed, labels=labels)
        else:
            restore_model(run.model, checkpoint)
        clock.lap('initialization')
        self._batches = deal(run.strategy, self._input())
        batch = next(self._batches)
        self._resident_before_steps = _resident_bytes()
        trace = self._step.__call__.get_concrete_function  # pyright: ignore[reportAttributeAccessIssue]
        trace(batch['image'], batch['label'])
        clock.lap('trace')
        with run.arithmetic_of_steps():
            self._step.compile_ahead(batch['image'], batch['label'])
            self._step(batch['image'], batch['label'])['loss_nats'].numpy()
        clock.lap('first run')
        self.start_seconds: dict[str, float] = clock.laps

    @property
    def answers(self) -> dict[str, Callable[..., Any]]:
        """The functions that `turns.compare` calls in another process."""
        return {
            'steps': self.step_seconds,
            'memory': self.memory_bytes,
            'start': lambda: self.start_seconds,
        }

    def step_seconds(self, count: int) -> list[float]:
        """Return the seconds of each of `count` more training steps, with waiting for input."""
        seconds = []
        for _ in range(count):
            started = time.perf_counter()
            batch = next(self._batches)
            with self._run.arithmetic_of_steps():
                self._step(batch['image'], batch['label'])['loss_nats'].numpy()
            seconds.append(time.perf_counter() - started)
        return seconds

    def memory_bytes(self) -> dict[str, int]:
        """Return the peak memory so far in bytes: `resident`, `activations`, and `device` on GPUs.

        `activations` is an estimate for a CPU: the peak of resident memory, less the resident
        memory before the first step (weights, optimizer, data, TensorFlow) and the gradients.
        """
        resident = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        gradients = sum(
            variable.dtype.size * (variable.shape.num_elements() or 0)
            for variable in map(as_tensorflow, trainable_variables(self._model))
        )
        memory = {
            'resident': resident,
            'activations': resident - self._resident_before_steps - gradients,
        }
        if gpus := tf.config.list_logical_devices('GPU'):
            memory['device'] = max(
                tf.config.experimental.get_memory_info(gpu.name.removeprefix('/device:'))['peak']
                for gpu in gpus
            )
        return memory

    def flop(self) -> dict[str, float]:
        """Return operations per image of a training step, and per second of a matrix product."""
        return {
            'training_flop_per_image': training_flop_per_image(self._model),
            'matmul_peak_flop_per_second': matmul_peak(),
        }

    def gradient_drift(self) -> dict[str, float] | None:
        """Return `drift.gradient_drift` of a training batch, or None if gradients are stored."""
        memory = self._settings.gradient_memory
        if memory == STORE:
            return None
        size = self._settings.batch_size
        examples = self._run.dataset.train.load(tf.range(size, dtype=tf.int64))
        noise = self._model.draw_noise(size, seeds.tensor_seed(self._run.seed, 'benchmark'))
        return gradient_drift(
            self._model,
            self._settings.objective,
            examples['image'],
            noise,
            memory,
            examples['label'],
        )

    def images_per_second(self) -> dict[str, float]:
        """Return `{name: images per second}` of evaluation, encoding, sampling and input."""
        return images_per_second(self._run, self._input())

    @property
    def arithmetic(self) -> str:
        """The arithmetic of the networks in training steps, such as 'float32'."""
        return self._run.arithmetic

    @property
    def batch_size(self) -> int:
        """Images per step over all replicas."""
        return self._settings.batch_size

    @property
    def parameters(self) -> int:
        """Number of trainable parameters."""
        return count_parameters(self._model)

    def _input(self) -> tf.data.Dataset:
        settings = self._settings
        return training_batches(
            self._run.dataset.train,
            settings.batch_size,
            self._run.seed,
            augmentations=settings.augmentations,
        )


def measure(
    benchmark: Benchmark, count: int, details: bool = True, trace_folder: str | None = None
) -> dict[str, Any]:
    """Return the time, memory and start of `count` training steps, a dict for JSON.

    A warning is printed on stderr if gradients drift.

    Args:
        benchmark: a `Benchmark`.
        count: number of timed steps.
        details: whether to count operations and to time evaluation, encoding, sampling and input.
        trace_folder: folder for a trace of further steps, see `trace_table.profile`; or None.
    """
    low, median, high = quartiles(benchmark.step_seconds(count))
    batch_size = benchmark.batch_size
    result = {
        'parameters': benchmark.parameters,
        'batch_size': batch_size,
        'arithmetic': benchmark.arithmetic,
        'start_seconds': benchmark.start_seconds,
        'step_seconds': {'median': median, 'quartiles': [low, high], 'steps': count},
        'images_per_second': batch_size / median,
        'memory_bytes': benchmark.memory_bytes(),
    }
    if drift := benchmark.gradient_drift():
        result['gradient_drift'] = drift
        if warning := drift_warning(drift):
            print(f'WARNING: {warning}', file=sys.stderr)
    if details:
        flop = benchmark.flop()
        result.update(
            flop,
            share_of_matmul_peak=flop['training_flop_per_image']
            * batch_size
            / median
            / flop['matmul_peak_flop_per_second'],
            throughput_images_per_second=benchmark.images_per_second(),
        )
    if trace_folder is not None:
        result['trace'] = profile(lambda: benchmark.step_seconds(1), trace_folder)
    return result


class Clock:
    """Times consecutive phases.

    Args:
        started: `time.perf_counter()` at the start of the first phase.

    Attributes:
        laps: `{phase: seconds}`.
    """

    def __init__(self, started: float) -> None:
        self.laps: dict[str, float] = {}
        self._last = started

    def lap(self, name: str) -> None:
        """End a phase and record its duration under a name."""
        now = time.perf_counter()
        self.laps[name], self._last = now - self._last, now


def quartiles(values: Sequence[float]) -> list[float]:
    """Return the 25, 50 and 75 % quantiles of numbers, as floats."""
    return [float(value) for value in np.quantile(values, [0.25, 0.5, 0.75])]


def _resident_bytes() -> int:
    with open('/proc/self/statm', encoding='ascii') as file:
        return resource.getpagesize() * int(file.read().split()[1])
