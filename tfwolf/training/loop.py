"""The training loop: training steps, and what is due at regular intervals.

Between those moments the loop does not wait for results of the device.
"""

from __future__ import annotations

import os
import time

import numpy as np
import tensorflow as tf
import tqdm

from tfwolf.analysis.previews import Preview, sample_grid, switch_grid
from tfwolf.core.progress import progress_bar
from tfwolf.core.replicas import deal
from tfwolf.core.variables import as_tensorflow, trainable_variables
from tfwolf.data.dataset import Split
from tfwolf.data.pipeline import training_batches
from tfwolf.evaluation.likelihood import evaluate_likelihood
from tfwolf.pictures.grids import write_png
from tfwolf.training.checkpoints import Checkpoints
from tfwolf.training.diagnosis import first_bad_layer
from tfwolf.training.run import TrainingRun
from tfwolf.training.step import TrainStep
from tfwolf.training.summaries import TRAIN, VALIDATION, Summaries


def due(step: int, every: int, last_step: int) -> bool:
    """Return whether a regular action is due after a step.

    Args:
        step: number of the step, from 1.
        every: interval in steps; 0 for never.
        last_step: number of the last step, after which the action is always due.
    """
    return bool(every) and (step % every == 0 or step == last_step)


class Loop:
    """Run training steps from the current step to the last one.

    Args:
        run: the `TrainingRun`.
        train_step: its `TrainStep`.
        checkpoints: saves the state of the run.
        summaries: writes metrics and pictures.
    """

    def __init__(
        self,
        run: TrainingRun,
        train_step: TrainStep,
        checkpoints: Checkpoints,
        summaries: Summaries,
    ) -> None:
        self._run, self._settings, self._model, self._dataset = (
            run,
            run.settings,
            run.model,
            run.dataset,
        )
        self._step, self._checkpoints, self._summaries = train_step, checkpoints, summaries
        self._last_drawn: int | None = None

    def run(self, last_step: int) -> None:
        """Train until `last_step` steps are done.

        Raises:
            RuntimeError: if too many consecutive steps were skipped, or a file cannot be written.
            KeyboardInterrupt: after Ctrl-C, with a checkpoint saved.
        """
        settings, done = self._settings, int(self._step.step.numpy())
        batches = deal(self._run.strategy, self._batches(done))
        try:
            with progress_bar(last_step, done, 'Training', 'step', self._run.shows_progress) as bar:
                self._clock, self._clock_step = time.perf_counter(), done
                for step in range(done + 1, last_step + 1):
                    logging = due(step, settings.log_every, last_step)
                    before = self._weights() if logging else None
                    batch = next(batches)
                    metrics = self._step(batch['image'], batch['label'])
                    if step == done + 1:
                        self._after_first_step(step, last_step, metrics, bar)
                    if logging:
                        self._log(step, metrics, before, bar)
                    bar.update(1)
                    if due(step, settings.checkpoint_every, last_step):
                        self._checkpoints.save()
                    if (
                        due(step, settings.evaluate_every, last_step)
                        and self._dataset.validation.num_examples
                    ):
                        self._evaluate(step, bar)
                    if due(step, settings.picture_every, last_step):
                        self.draw_pictures(step)
                    self._run.interrupts.check()
        except KeyboardInterrupt:
            self._checkpoints.save()
            raise
        finally:
            self._summaries.flush()

    def _after_first_step(self, step, last_step, metrics, bar):
        # The first step is excluded from the speed: it includes tracing.
        bits, now = float(metrics['bits_per_dim']), time.perf_counter()
        self._write(
            bar,
            f'First step ({bits:.3f} bits/dim) finished {now - self._run.process_started:.1f} s '
            f'after the start; tracing and running it took {now - self._clock:.1f} s',
        )
        if step == 1 and not due(step, self._settings.checkpoint_every, last_step):
            # Saved regardless of the interval, to detect a full or read-only disk early.
            self._checkpoints.save()
        self._clock, self._clock_step = time.perf_counter(), step

    def _write(self, bar, text):
        if self._run.verbose:
            bar.write(text)

    def draw_pictures(self, step: int) -> list[str]:
        """Write pictures of samples and, for a model with z, of switches; return their paths.

        Images that are not finite are crossed out, counted in TensorBoard and reported. Only the
        chief writes, and only once for a step.
        """
        train_dir = self._run.train_dir
        if train_dir is None or not self._run.workers.is_chief or step == self._last_drawn:
            return []
        self._last_drawn = step
        with self._step.weights_to_evaluate():
            previews = self._previews()
        paths = []
        for name, preview in previews.items():
            self._summaries.picture(name, preview.picture, preview.num_not_finite, step)
            if preview.num_not_finite:
                self._write(
                    # Any bar may be active: this finds it.
                    tqdm.tqdm,
                    f'{name} at step {step}: {preview.num_not_finite} of {preview.num_images} are '
                    'not finite',
                )
            paths.append(os.path.join(train_dir, f'{name}.png'))
            write_png(paths[-1], preview.picture)
        return paths

    def _previews(self) -> dict[str, Preview]:
        previews = {
            'samples': sample_grid(self._model, self._settings.num_pictures, self._run.seed)
        }
        if self._model.latent.has_z:
            count = min(self._settings.num_pictures, self._dataset.train.num_examples) // 2 * 2
            examples = self._dataset.train.load(tf.range(count, dtype=tf.int64))
            previews['switch'] = switch_grid(self._model, examples['image'], examples['label'])
        return previews

    def _batches(self, first_step):
        settings = self._settings
        return training_batches(
            self._dataset.train,
            settings.batch_size,
            self._run.seed,
            first_step,
            settings.augmentations,
        )

    def _weights(self):
        return [
            tf.identity(as_tensorflow(variable)) for variable in trainable_variables(self._model)
        ]

    def _log(self, step, metrics, before, bar):
        metrics = {name: value.numpy() for name, value in metrics.items()}
        if metrics['skipped_in_a_row'] >= self._settings.max_skipped_in_a_row:
            self._stop_at_non_finite(step, metrics)
        changes = [new - old for new, old in zip(self._weights(), before)]
        metrics['update_norm'] = tf.linalg.global_norm(changes).numpy()
        now = time.perf_counter()
        steps = step - self._clock_step
        if steps:
            metrics['images_per_second'] = steps * self._settings.batch_size / (now - self._clock)
            self._clock, self._clock_step = now, step
        self._summaries.metrics(TRAIN, metrics, step)
        shown: dict[str, object] = {'bits/dim': f'{metrics["bits_per_dim"]:.3f}'}
        if self._model.latent.has_z:
            # In nats. Short names, so that the speed fits into 80 columns.
            shown['KL'] = f'{metrics["kl_nats"]:.1f}'
        if steps:
            shown['img/s'] = f'{metrics["images_per_second"]:.0f}'
        if metrics['skipped']:
            shown['skipped'] = int(metrics['skipped'])
        bar.set_postfix(shown, refresh=False)

    def _evaluate(self, step, bar):
        started = time.perf_counter()
        with self._step.weights_to_evaluate():
            result = evaluate_likelihood(
                self._model,
                self._dataset.validation,
                self._settings.evaluation_batch_size,
                1,
                self._run.seed,
                self._run.strategy,
                self._run.interrupts.check,
            )
        self._summaries.metrics(
            VALIDATION,
            {name: value for name, value in result.items() if isinstance(value, float)},
            step,
        )
        best = self._checkpoints.save_if_best(result['bits_per_dim'])
        kl = f', KL {result["kl_nats"]:.2f} nats' if self._model.latent.has_z else ''
        self._write(
            bar,
            f'step {step}: validation {result["bits_per_dim"]:.4f} '
            f'bits/dim{kl}{" (best so far)" if best else ""}',
        )
        # The time of the evaluation does not count for the training speed.
        self._clock += time.perf_counter() - started

    def _stop_at_non_finite(self, step, metrics):
        batch = next(iter(self._batches(step - 1)))
        layer = first_bad_layer(
            self._model, batch['image'], self._step.noise(step - 1), batch['label']
        )
        raise RuntimeError(
            f'Training stopped at step {step}: the last {int(metrics["skipped_in_a_row"])} steps '
            f'were skipped because their gradients were not finite; {layer}. The latest checkpoint '
            'has the weights before these steps. Reduce the learning rate (WarmupDecay.peak), '
            'increase the warmup (WarmupDecay.warmup_updates), clip gradients (train.clip_norm) '
            'or bound the scale (BoundedAffine.alpha = 0.5).'
        )


def initial_images(split: Split, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first images of a split and their labels.

    Args:
        split: a `Split`.
        count: number of images; all of them if there are fewer.

    Returns:
        Images, uint8 `[n, height, width, channels]`, and labels, integers `[n]`.
    """
    examples = split.load(tf.range(min(count, split.num_examples), dtype=tf.int64))
    return np.asarray(examples['image']), np.asarray(examples['label'])
