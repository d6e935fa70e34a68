"""The training loop: training steps, and what is due at regular intervals.

Between those moments the loop does not wait for results of the device.
"""

from __future__ import annotations

import time

import tensorflow as tf
import tqdm

from tfwolf.core.progress import progress_bar
from tfwolf.core.replicas import deal
from tfwolf.core.variables import as_tensorflow, trainable_variables
from tfwolf.data.pipeline import training_batches
from tfwolf.training.checkpoints import Checkpoints
from tfwolf.training.diagnosis import first_bad_layer
from tfwolf.training.health import Health
from tfwolf.training.run import TrainingRun
from tfwolf.training.run_pictures import RunPictures
from tfwolf.training.step import TrainStep
from tfwolf.training.summaries import TRAIN, VALIDATION, Summaries
from tfwolf.training.validation import Validation


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

    Attributes:
        pictures: the `RunPictures` of the run.
    """

    def __init__(
        self,
        run: TrainingRun,
        train_step: TrainStep,
        checkpoints: Checkpoints,
        summaries: Summaries,
    ) -> None:
        self._run, self._settings, self._model = run, run.settings, run.model
        self._step, self._checkpoints, self._summaries = train_step, checkpoints, summaries
        self._saved = True
        self._health = Health(train_step, checkpoints, run.settings.max_skipped_in_a_row)
        self._validation = (
            Validation(run, train_step) if run.dataset.validation.num_examples else None
        )
        self.pictures: RunPictures = RunPictures(run, train_step, summaries)

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
                    with self._run.arithmetic_of_steps():
                        if step == done + 1:
                            self._step.compile_ahead(batch['image'], batch['label'])
                        metrics = self._step(batch['image'], batch['label'])
                    if step == done + 1:
                        self._after_first_step(step, last_step, metrics, bar)
                    if logging:
                        self._log(step, metrics, before, bar)
                    bar.update(1)
                    if self._validation and due(step, settings.evaluate_every, last_step):
                        self._evaluate(step, bar, self._validation)
                    # After the evaluation, which may find that the state is not worth it.
                    if due(step, settings.checkpoint_every, last_step):
                        self._save(step, bar, step == last_step)
                    if due(step, settings.picture_every, last_step):
                        self._draw(step)
                    self._run.interrupts.check()
            if done < last_step:
                self._health.check_end()
        except KeyboardInterrupt:
            self._save(int(self._step.step.numpy()), tqdm.tqdm)
            raise
        finally:
            self._summaries.flush()

    def _after_first_step(self, step, last_step, metrics, bar):
        # The first step is excluded from the speed: it includes tracing.
        unit = self._model.values.unit
        value, now = float(metrics[unit.name]), time.perf_counter()
        self._write(
            bar,
            f'First step ({value:.3f} {unit.text}) finished '
            f'{now - self._run.process_started:.1f} s after the start; tracing and running it '
            f'took {now - self._clock:.1f} s',
        )
        if step == 1 and not due(step, self._settings.checkpoint_every, last_step):
            # Saved regardless of the interval, to detect a full or read-only disk early.
            self._save(step, bar)
        self._clock, self._clock_step = time.perf_counter(), step

    def _write(self, bar, text):
        if self._run.verbose:
            bar.write(text)

    def _batches(self, first_step):
        settings = self._settings
        return training_batches(
            self._run.dataset.train,
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
        self._health.check_steps(self._find_cause)
        changes = [new - old for new, old in zip(self._weights(), before)]
        metrics['update_norm'] = tf.linalg.global_norm(changes).numpy()
        now = time.perf_counter()
        steps = step - self._clock_step
        if steps:
            metrics['images_per_second'] = steps * self._settings.batch_size / (now - self._clock)
            self._clock, self._clock_step = now, step
        self._summaries.metrics(TRAIN, metrics, step)
        unit = self._model.values.unit
        shown: dict[str, object] = {unit.text: f'{metrics[unit.name]:.3f}'}
        if self._model.latent.has_z:
            # In nats. Short names, so that the speed fits into 80 columns.
            shown['KL'] = f'{metrics["kl_nats"]:.1f}'
        if steps:
            shown['img/s'] = f'{metrics["images_per_second"]:.0f}'
        if metrics['skipped']:
            shown['skipped'] = int(metrics['skipped'])
        bar.set_postfix(shown, refresh=False)

    def _evaluate(self, step, bar, validation):
        started = time.perf_counter()
        result = validation()
        self._summaries.metrics(VALIDATION, result, step)
        value = result[self._model.values.unit.name]
        self._health.validated(value, result.get(validation.raw_name, value))
        best = self._health.problem(at_end=True) is None and self._checkpoints.save_if_best(value)
        self._write(
            bar,
            f'step {step}: {validation.text(result)}{" (best so far)" if best else ""}',
        )
        # The time of the evaluation does not count for the training speed.
        self._clock += time.perf_counter() - started

    def _draw(self, step):
        started = time.perf_counter()
        self.pictures.draw(step)
        # Nor does that of pictures.
        self._clock += time.perf_counter() - started

    def _save(self, step, bar, at_end=False):
        self._health.check_steps(self._find_cause)
        problem = self._health.problem(at_end)
        if problem is None:
            self._checkpoints.save()
        elif self._saved:
            self._write(
                bar,
                f'step {step}: no checkpoint is saved until this changes: {problem}',
            )
        self._saved = problem is None

    def _find_cause(self):
        step = int(self._step.step.numpy()) - 1
        batch = next(iter(self._batches(step)))
        return first_bad_layer(self._model, batch['image'], self._step.noise(step), batch['label'])
