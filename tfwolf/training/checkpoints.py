"""Checkpoints of a run: the latest ones, and the best one on the validation images."""

from __future__ import annotations

import math
import os
import shutil
import sys

import tensorflow as tf

from tfwolf.core.messages import first_line
from tfwolf.core.variables import trainable_variables
from tfwolf.models.wolf import Wolf
from tfwolf.training import run_directory
from tfwolf.training.averages import AVERAGED, RAW
from tfwolf.training.checkpoint_files import (
    BEST,
    LATEST,
    checkpoint_path,
    checkpoint_steps,
    find_damage,
    newest_intact,
    publish,
    set_aside,
    step_of,
)
from tfwolf.training.optimizer import AdamW
from tfwolf.training.step import TrainStep

# Name of `TrainStep.averages` in a checkpoint.
AVERAGES = 'train_step/averages/{}/.ATTRIBUTES/VARIABLE_VALUE'


class Checkpoints:
    """Save and restore the state of a run: weights, optimizer and counters.

    The latest checkpoints are in `train_dir/checkpoints`, the one with the lowest validation
    bits/dim in `train_dir/best`.

    Args:
        train_dir: folder of the run.
        model, optimizer, train_step: objects whose variables are saved.
        keep: number of latest checkpoints to keep.
        writes: whether this process writes files; only the chief does.
    """

    def __init__(
        self,
        train_dir: str,
        model: Wolf,
        optimizer: AdamW,
        train_step: TrainStep,
        keep: int,
        writes: bool = True,
    ) -> None:
        self._writes = writes
        self._step = train_step.step
        self._keep = keep
        self._best_bits_per_dim = tf.Variable(
            tf.constant(float('inf'), tf.float64), trainable=False, name='best_bits_per_dim'
        )
        state = {'model': model, 'optimizer': optimizer, 'train_step': train_step}
        self._checkpoint = tf.train.Checkpoint(**state)
        # Only the best checkpoint has this value: the latest ones are saved before evaluation.
        self._best_checkpoint = tf.train.Checkpoint(
            **state, best_bits_per_dim=self._best_bits_per_dim
        )
        self._dir = train_dir
        self._latest, self._best = (os.path.join(train_dir, name) for name in (LATEST, BEST))

    def restore(self, which: str | None = None) -> bool:
        """Restore a checkpoint, and return whether there was one.

        Damaged checkpoints are reported on stderr.

        Args:
            which: as in `find_checkpoint`. Checkpoints of later steps are set aside, which is
                printed. None restores the latest intact one, if there is one.

        Raises:
            ValueError: if the checkpoint does not exist, is damaged or belongs to another model, or
                all are damaged.
        """
        path = newest_intact(self._latest) if which is None else find_checkpoint(self._dir, which)
        if path is None:
            return False
        try:
            saved = self._best_checkpoint if which == BEST else self._checkpoint
            saved.read(path).assert_consumed()
        except (ValueError, AssertionError) as error:
            raise ValueError(
                f'{path} belongs to another model than the one configured; nothing was changed. '
                f'Use another --train_dir, or the configuration of that run. ({first_line(error)})'
            ) from error
        if which is not None and self._writes:
            print(f'Going back to step {step_of(path):,}.{self.set_aside(step_of(path))}')
            # That of `best` may be the only one of this step.
            self.save()
        best = self._intact_best()
        if best is not None:
            self._best_bits_per_dim.assign(
                tf.train.load_checkpoint(best).get_tensor(
                    'best_bits_per_dim/.ATTRIBUTES/VARIABLE_VALUE'
                )
            )
        return True

    def set_aside(self, step: int) -> str:
        """Move all checkpoints of later steps out of the way; return sentences that say so.

        Nothing is deleted: they are in the folder `set_aside` of their own folder.

        Raises:
            RuntimeError: if they cannot be moved.
        """
        text = ''
        for folder in (self._latest, self._best) if self._writes else ():
            try:
                steps, aside = set_aside(folder, step)
                curves = os.path.join(self._dir, run_directory.CURVES)
                if steps and folder == self._latest and os.path.exists(curves):
                    # The run will overwrite its rows of later steps.
                    shutil.copy(curves, aside)
            except OSError as error:
                raise RuntimeError(
                    f'Later checkpoints in {folder} could not be moved: {first_line(error)}.'
                ) from error
            if steps:
                many = f'checkpoints of steps {", ".join(map(str, steps))} were'
                one = f'checkpoint of step {steps[0]} was'
                text += f' The {many if len(steps) > 1 else one} moved to {aside}.'
        return text

    def newest_step(self, last: int) -> int | None:
        """Return the step of the newest intact checkpoint up to step `last`, None without one."""
        for step in reversed(checkpoint_steps(self._latest)):
            if step <= last and find_damage(self.path(step)) is None:
                return step
        return None

    def path(self, step: int) -> str:
        """Return the path, without extension, of the checkpoint of a step."""
        return checkpoint_path(self._latest, step)

    def _intact_best(self) -> str | None:
        try:
            return newest_intact(self._best)
        except ValueError as error:
            print(f'WARNING: {error} The next evaluation saves a new best one.', file=sys.stderr)
            return None

    def save(self) -> None:
        """Save the latest checkpoint.

        Raises:
            RuntimeError: if it cannot be written.
        """
        if self._writes:
            publish(self._checkpoint, self._latest, int(self._step.numpy()), self._keep)

    def save_if_best(self, bits_per_dim: float) -> bool:
        """Save the best checkpoint if `bits_per_dim` is the lowest so far; return whether it is.

        Raises:
            RuntimeError: if it cannot be written.
        """
        if not math.isfinite(bits_per_dim) or bits_per_dim >= self._best_bits_per_dim.numpy():
            return False
        self._best_bits_per_dim.assign(bits_per_dim)
        if self._writes:
            publish(self._best_checkpoint, self._best, int(self._step.numpy()), keep=1)
        return True


def has_checkpoint(train_dir: str) -> bool:
    """Return whether a run has a checkpoint to continue from."""
    return bool(checkpoint_steps(os.path.join(train_dir, LATEST)))


def find_checkpoint(train_dir: str, which: str | int) -> str:
    """Return the path, without extension, of a checkpoint of a run.

    Args:
        train_dir: folder of the run.
        which: 'latest' (the newest intact one), 'best' (on the validation images) or a step.

    Raises:
        ValueError: if there is no such checkpoint, or it is damaged.
    """
    folder = os.path.join(train_dir, BEST if which == 'best' else LATEST)
    if which in ('latest', 'best'):
        path = newest_intact(folder)
    else:
        path = checkpoint_path(folder, which)
        path = path if os.path.lexists(f'{path}.index') else None
        if path and (damage := find_damage(path)):
            raise ValueError(f'{path} is damaged: {damage}. Choose another --checkpoint.')
    if path is None:
        steps = ', '.join(map(str, checkpoint_steps(folder))) or 'none'
        raise ValueError(
            f'There is no checkpoint {which!r} in {folder}; its checkpoints are of steps: {steps}. '
            'Train first, or choose another --train_dir or --checkpoint.'
        )
    return path


def restore_model(model: Wolf, path: str, weights: str = 'auto') -> str:
    """Restore only the weights of a model, and return which ones: 'raw' or 'averaged'.

    Args:
        model: a `Wolf`.
        path: path of the checkpoint, without extension.
        weights: 'raw', 'averaged' or its alias 'ema' (see `WeightAverages`), or 'auto' for averaged
            weights if the checkpoint contains them.

    Raises:
        ValueError: if the checkpoint belongs to another model, or contains no averages although
            `weights` requests them.
    """
    try:
        status = tf.train.Checkpoint(model=model).read(path)
        status.assert_existing_objects_matched()
        status.expect_partial()
    except (ValueError, AssertionError) as error:
        raise ValueError(
            f'{path} belongs to another model than the one configured. ({first_line(error)})'
        ) from error
    reader = tf.train.load_checkpoint(path)
    has_averages = reader.has_tensor(AVERAGES.format('count'))
    weights = AVERAGED if weights == 'ema' else weights
    if weights == AVERAGED and not has_averages:
        raise ValueError(
            f'{path} contains no averages of the weights: the run was trained with '
            'train.ema_decay = 0. Use --weights=raw.'
        )
    if weights == RAW or not has_averages or not reader.get_tensor(AVERAGES.format('count')):
        return RAW
    for number, variable in enumerate(trainable_variables(model)):
        variable.assign(reader.get_tensor(AVERAGES.format(f'values/{number}')))
    return AVERAGED
