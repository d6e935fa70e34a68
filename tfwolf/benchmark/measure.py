"""One configured experiment, built as training builds it, and timed: start, steps, evaluation,
sampling, input.
"""

from __future__ import annotations

import math
import resource
import sys
import time
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfwolf.benchmark.drift import drift_warning, gradient_drift
from tfwolf.benchmark.flops import matmul_peak, training_flop_per_image
from tfwolf.core import seeds
from tfwolf.core.replicas import deal
from tfwolf.core.variables import as_tensorflow, count_parameters, trainable_variables
from tfwolf.data.pipeline import training_batches
from tfwolf.models.initialization import initialize
from tfwolf.training.checkpoints import restore_model
from tfwolf.training.flow_gradients import STORE
from tfwolf.training.loop import initial_images
from tfwolf.training.run import TrainingRun

PASSES = 3
INPUT_SECONDS = 3.0


class Benchmark:
    """A model after its first training step, ready to be timed.

    Args:
        run: the `TrainingRun`; nothing is written.
        clock: a `Clock` that has been running since the start of the process.
        checkpoint: path of a trained model's checkpoint, whose weights replace the initial ones;
            None for these.

    Attributes:
        start_seconds: dict of the seconds from the start of the process to the end of the first
            step, by what took them.
    """

    def __init__(self, run: TrainingRun, clock: Clock, checkpoint: str | None = None) -> None:
        self._run, self._model, self._dataset, self._settings, self._seed = (
            run,
            run.model,
            run.dataset,
            run.settings,
            run.seed,
        )
        self._step = run.make_step()
        clock.lap('build')
        if checkpoint is None:
            images, labels = initial_images(run.dataset.train, run.settings.init_batch_size)
            initialize(run.model, images, run.seed, labels=labels)
        else:
            restore_model(run.model, checkpoint)
        clock.lap('initialisation')
        self._batches = deal(run.strategy, self._input())
        batch = next(self._batches)
        self._resident_before_steps = _resident_bytes()
        self._step.__call__.get_concrete_function(batch['image'], batch['label'])
        clock.lap('trace')
        self._step(batch['image'], batch['label'])['loss_nats'].numpy()
        clock.lap('first run')
        self.start_seconds = clock.laps

    def step_seconds(self, count: int) -> list[float]:
        """Returns the seconds of each of `count` further training steps; waiting for input counts."""
        seconds = []
        for _ in range(count):
            started = time.perf_counter()
            batch = next(self._batches)
            self._step(batch['image'], batch['label'])['loss_nats'].numpy()
            seconds.append(time.perf_counter() - started)
        return seconds

    def memory_bytes(self) -> dict[str, int]:
        """Returns the highest use so far in bytes, `'resident'` and with GPUs `'device'`; and
        `'activations'`, an estimate.

        That is the highest resident use, less what was resident before the first step (weights,
        optimiser, data, TensorFlow) and less the gradients; on a CPU what a step needs for its
        activations."""
        resident = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        gradients = sum(
            variable.dtype.size * math.prod(variable.shape)
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
        """Returns floating-point operations per image of a training step, and per second of a large
        matrix product here.
        """
        return {
            'training_flop_per_image': training_flop_per_image(self._model),
            'matmul_peak_flop_per_second': matmul_peak(),
        }

    def gradient_drift(self) -> dict[str, float] | None:
        """Returns `drift.gradient_drift` of one batch of training images, or None where gradients
        are the stored ones.
        """
        memory = self._settings.gradient_memory
        if memory == STORE:
            return None
        size = self._settings.batch_size
        examples = self._dataset.train.load(tf.range(size, dtype=tf.int64))
        noise = self._model.draw_noise(size, seeds.tensor_seed(self._seed, 'benchmark'))
        return gradient_drift(
            self._model,
            self._settings.objective,
            examples['image'],
            noise,
            memory,
            examples['label'],
        )

    def images_per_second(self) -> dict[str, float]:
        """Returns `{what: images per second}` of evaluation, encoding, sampling and the input
        pipeline alone.
        """
        model, size = self._model, self._settings.batch_size
        examples = self._dataset.train.load(tf.range(size, dtype=tf.int64))
        images, labels = examples['image'], examples['label']
        seed = seeds.tensor_seed(self._seed, 'benchmark')
        functions = {
            'evaluate': tf.function(
                lambda: model.terms(images, model.draw_noise(size, seed), labels=labels).nll_nats,
                autograph=False,
            ),
            'encode': tf.function(lambda: model.encode(images, labels)[1], autograph=False),
            'sample': tf.function(lambda: model.sample(size, self._seed), autograph=False),
        }
        rates = {name: size / _seconds_per_call(function) for name, function in functions.items()}
        rates['input'] = self._input_images_per_second()
        return rates

    @property
    def batch_size(self) -> int:
        """Images per step over all replicas."""
        return self._settings.batch_size

    @property
    def parameters(self) -> int:
        """Number of trainable parameters."""
        return count_parameters(self._model)

    def _input(self):
        settings = self._settings
        return training_batches(
            self._dataset.train,
            settings.batch_size,
            self._seed,
            augmentations=settings.augmentations,
        )

    def _input_images_per_second(self):
        batches = iter(self._input())
        next(batches)
        started, count = time.perf_counter(), 0
        while time.perf_counter() - started < INPUT_SECONDS:
            next(batches)
            count += 1
        return count * self._settings.batch_size / (time.perf_counter() - started)


def measure(benchmark: Benchmark, count: int, details: bool = True) -> dict:
    """Returns the numbers of `count` training steps: their time, memory, the start, and with
    `details` operations and other speeds.
    """
    low, median, high = quartiles(benchmark.step_seconds(count))
    batch_size = benchmark.batch_size
    result = {
        'parameters': benchmark.parameters,
        'batch_size': batch_size,
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
    return result


class Clock:
    """Seconds of one thing after another."""

    def __init__(self, started: float) -> None:
        self.laps = {}
        self._last = started

    def lap(self, name: str) -> None:
        """Books the time since the last call under a name."""
        now = time.perf_counter()
        self.laps[name], self._last = now - self._last, now


def _resident_bytes():
    with open('/proc/self/statm', encoding='ascii') as file:
        return resource.getpagesize() * int(file.read().split()[1])


def quartiles(values: Sequence[float]) -> list[float]:
    """Returns the 25, 50 and 75 % quantiles of numbers, as floats."""
    return [float(value) for value in np.quantile(values, [0.25, 0.5, 0.75])]


def _seconds_per_call(function):
    def call():
        started = time.perf_counter()
        np.asarray(function())
        return time.perf_counter() - started

    call()
    return float(np.median([call() for _ in range(PASSES)]))
