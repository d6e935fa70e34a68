"""Checkpoints of a run: the latest few, and the best on the validation images."""
import os

import tensorflow as tf


class Checkpoints:
    """Everything a run needs to go on: weights, optimizer, counters and the best validation result, in `train_dir`.

    `train_dir/checkpoints` holds the latest ones, `train_dir/best` the one with the lowest validation bits/dim.

    Args:
        train_dir: folder of the run.
        model, optimizer, train_step: what is saved.
        keep: number of latest checkpoints to keep.
    """

    def __init__(self, train_dir, model, optimizer, train_step, keep):
        self._step = train_step.step
        self._best_bits_per_dim = tf.Variable(float('inf'), dtype=tf.float64, trainable=False, name='best_bits_per_dim')
        self._checkpoint = tf.train.Checkpoint(model=model, optimizer=optimizer, train_step=train_step,
                                               best_bits_per_dim=self._best_bits_per_dim)
        self._latest = tf.train.CheckpointManager(self._checkpoint, os.path.join(train_dir, 'checkpoints'), max_to_keep=keep)
        self._best = tf.train.CheckpointManager(self._checkpoint, os.path.join(train_dir, 'best'), max_to_keep=1)

    def restore(self):
        """Restores the latest checkpoint and returns whether there was one.

        Raises:
            ValueError: if it holds another model.
        """
        path = self._latest.latest_checkpoint
        if path is None:
            return False
        try:
            self._checkpoint.restore(path).assert_consumed()
        except (ValueError, AssertionError) as error:
            raise ValueError(f'{path} holds the run of another model than the one configured; nothing was changed. Use another '
                             f'--train_dir, or the configuration of that run. ({str(error).splitlines()[0]})') from error
        return True

    def save(self):
        """Saves the latest checkpoint; returns its path."""
        return self._latest.save(checkpoint_number=int(self._step.numpy()))

    def save_if_best(self, bits_per_dim):
        """Saves the best checkpoint if `bits_per_dim` is lower than ever before; returns whether it was."""
        if not bits_per_dim < self._best_bits_per_dim.numpy():
            return False
        self._best_bits_per_dim.assign(bits_per_dim)
        self._best.save(checkpoint_number=int(self._step.numpy()))
        return True


def has_checkpoint(train_dir):
    """Returns whether a run has a checkpoint to continue from."""
    return tf.train.latest_checkpoint(os.path.join(train_dir, 'checkpoints')) is not None


def find_checkpoint(train_dir, which):
    """Returns the path of a run's checkpoint: `which` is 'latest', 'best' or a step.

    Raises:
        ValueError: if there is none.
    """
    folder = os.path.join(train_dir, 'best' if which == 'best' else 'checkpoints')
    path = tf.train.latest_checkpoint(folder)
    if which not in ('latest', 'best'):
        path = os.path.join(folder, f'ckpt-{which}')
        path = path if tf.io.gfile.exists(f'{path}.index') else None
    if path is None:
        raise ValueError(f'There is no checkpoint {which!r} in {folder}. Train first, or name another --train_dir or --checkpoint.')
    return path


def restore_model(model, path):
    """Restores a model's weights alone from a checkpoint of a run.

    Raises:
        ValueError: if the checkpoint holds another model.
    """
    try:
        status = tf.train.Checkpoint(model=model).read(path)
        status.assert_existing_objects_matched()
        status.expect_partial()
    except (ValueError, AssertionError) as error:
        raise ValueError(f'{path} holds another model than the one configured. ({str(error).splitlines()[0]})') from error
