"""Checkpoints as files: complete or absent, checked before they are used, the oldest removed."""

from __future__ import annotations

import os
import re
import shutil
import sys

import tensorflow as tf

from tfwolf.core import files
from tfwolf.core.messages import first_line

# What is written here is not a checkpoint yet.
UNFINISHED = 'unfinished'
# As `sha256sum --check` reads them.
CHECKSUMS = '.sha256'
INDEX = re.compile(r'ckpt-(\d+)\.index')


def checkpoint_path(folder: str, step: int | str) -> str:
    """Returns the path, without extension, of the checkpoint of a step."""
    return os.path.join(folder, f'ckpt-{step}')


def step_of(path: str) -> int:
    """Returns the step of a checkpoint's path, without extension."""
    return int(re.search(r'\d+$', path)[0])


def publish(checkpoint: tf.train.Checkpoint, folder: str, step: int, keep: int) -> str:
    """Writes a checkpoint and removes older ones; returns its path, without extension.

    The files are written aside, flushed to the disk and renamed, the index last: before that there
        is no checkpoint. A killed process or
    a full disk leaves the ones before it as they were. A run has one state at each step, so an
    intact checkpoint of `step` is left alone.

    Args:
        checkpoint: a `tf.train.Checkpoint`.
        folder: where it goes; made if it does not exist.
        step: its number.
        keep: how many of the newest remain. Later steps than `step`, which can only be damaged
            ones, go too.

    Raises:
        RuntimeError: if it cannot be written.
    """
    aside, path = os.path.join(folder, UNFINISHED), checkpoint_path(folder, step)
    if step in checkpoint_steps(folder) and find_damage(path) is None:
        return path
    shutil.rmtree(aside, ignore_errors=True)
    try:
        os.makedirs(aside)
        checkpoint.write(os.path.join(aside, os.path.basename(path)))
        name = os.path.basename(path)
        with open(os.path.join(aside, f'{name}{CHECKSUMS}'), 'w', encoding='utf-8') as file:
            file.write(_checksums(aside, name))
        _remove(path)
        for part in _parts(aside, name):
            files.flush(os.path.join(aside, part))
            os.replace(os.path.join(aside, part), os.path.join(folder, part))
        files.flush(folder)
        kept = [other for other in checkpoint_steps(folder) if other <= step][-keep:]
        for other in checkpoint_steps(folder):
            if other not in kept:
                _remove(checkpoint_path(folder, other))
        # For TensorFlow's own tools; nothing here reads it. Its own function for it is deprecated.
        lines = [f'model_checkpoint_path: "{name}"']
        lines += [f'all_model_checkpoint_paths: "ckpt-{other}"' for other in kept]
        files.write_text(os.path.join(folder, 'checkpoint'), '\n'.join(lines) + '\n')
    except (tf.errors.OpError, OSError) as error:
        raise RuntimeError(
            f'The checkpoint of step {step} could not be written to {folder}: '
            f'{first_line(error)}. {_what_is_left(folder)}'
            'Free some space there, or mend what is wrong; then the same command continues the '
            'run.'
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return path


def checkpoint_steps(folder: str) -> list[int]:
    """Returns the steps of all checkpoints in a folder, in ascending order."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(int(match[1]) for match in map(INDEX.fullmatch, names) if match)


def find_damage(path: str) -> str | None:
    """Returns None for an intact checkpoint, else what is wrong with it: the files are compared
    with their checksums.

    TensorFlow's own checksums, which serve for a checkpoint that came without ours, leave parts of
    the index out."""
    try:
        with open(f'{path}{CHECKSUMS}', encoding='utf-8', errors='replace') as file:
            written = file.read()
    except FileNotFoundError:
        return _find_bad_tensor(path)
    found = _checksums(*os.path.split(path))
    if found == written:
        return None
    differing = {
        line.split()[-1]
        for line in set(found.splitlines()) ^ set(written.splitlines())
        if line.split()
    }
    return f'not what was written: {", ".join(sorted(differing)) or "the checksums"}'


def newest_intact(folder: str) -> str | None:
    """Returns the path of the newest checkpoint that is intact, or None if there are no
    checkpoints; names damaged ones on stderr.

    Raises:
        ValueError: if all are damaged.
    """
    damaged = []
    for step in reversed(checkpoint_steps(folder)):
        path = checkpoint_path(folder, step)
        damage = find_damage(path)
        if damage is None:
            if damaged:
                print(f'WARNING: {"; ".join(damaged)}. Using {path} instead.', file=sys.stderr)
            return path
        damaged.append(f'{path} is damaged ({damage})')
    if damaged:
        raise ValueError(
            f'No checkpoint in {folder} can be used: {"; ".join(damaged)}. Restore the files from '
            'a copy, or use another '
            '--train_dir.'
        )
    return None


def _parts(folder: str, name: str) -> list[str]:
    """Returns the files of a checkpoint, the index last."""
    return sorted(
        (part for part in os.listdir(folder) if part.startswith(f'{name}.')),
        key=lambda part: (part.endswith('.index'), part),
    )


def _remove(path: str) -> None:
    """Deletes a checkpoint; without its index, which goes first, it is none."""
    folder, name = os.path.split(path)
    for part in reversed(_parts(folder, name)):
        os.remove(os.path.join(folder, part))


def _checksums(folder: str, name: str) -> str:
    """Returns a line for each file of a checkpoint, `SHA-256  name`."""
    return ''.join(
        f'{files.sha256(os.path.join(folder, part))}  {part}\n'
        for part in _parts(folder, name)
        if not part.endswith(CHECKSUMS)
    )


def _find_bad_tensor(path: str) -> str | None:
    try:
        reader = tf.train.load_checkpoint(path)
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except Exception as error:  # the reader turns what it meets into errors of many kinds
        return first_line(error)
    return None


def _what_is_left(folder: str) -> str:
    steps = checkpoint_steps(folder)
    return f'That of step {steps[-1]} is untouched. ' if steps else ''
