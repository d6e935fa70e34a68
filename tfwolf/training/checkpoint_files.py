"""Checkpoint files: written atomically, verified by checksums, the oldest removed."""

from __future__ import annotations

import os
import re
import shutil
import sys
from typing import TYPE_CHECKING

from tfwolf.core import files
from tfwolf.core.messages import first_line

if TYPE_CHECKING:
    import tensorflow as tf

# Folders of a run with its latest checkpoints, and with the best one on the validation images.
LATEST, BEST = 'checkpoints', 'best'
# Folder in which a checkpoint is written before it is complete.
UNFINISHED = 'unfinished'
# Folder of checkpoints that a run no longer continues from; another one has a number at the end.
SET_ASIDE = 'set_aside'
# Extension of the file of checksums, in the format of `sha256sum --check`.
CHECKSUMS = '.sha256'
INDEX = re.compile(r'ckpt-(\d+)\.index')


def checkpoint_path(folder: str, step: int | str) -> str:
    """Return the path, without extension, of the checkpoint of a step."""
    return os.path.join(folder, f'ckpt-{step}')


def step_of(path: str) -> int:
    """Return the step of a checkpoint from its path, without extension.

    Raises:
        ValueError: if the path does not end in a number.
    """
    found = re.search(r'\d+$', path)
    if found is None:
        raise ValueError(f'`path` must end in the number of a step; got {path!r}.')
    return int(found[0])


def publish(checkpoint: tf.train.Checkpoint, folder: str, step: int, keep: int) -> str:
    """Write a checkpoint, remove older ones, and return its path without extension.

    The files are written to a temporary folder, flushed to disk and then renamed, the index last. A
    checkpoint without an index does not count, so earlier checkpoints survive a killed process or a
    full disk. A run has one state at each step: an intact checkpoint of `step` is left unchanged.

    Args:
        checkpoint: a `tf.train.Checkpoint`.
        folder: destination; created if it does not exist.
        step: number of the training step.
        keep: number of the newest checkpoints to keep. Checkpoints of later steps than `step`,
            which can only be damaged, are removed too.

    Raises:
        RuntimeError: if the checkpoint cannot be written.
    """
    import tensorflow as tf

    temporary, path = os.path.join(folder, UNFINISHED), checkpoint_path(folder, step)
    if step in checkpoint_steps(folder) and find_damage(path) is None:
        return path
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        os.makedirs(temporary)
        checkpoint.write(os.path.join(temporary, os.path.basename(path)))
        name = os.path.basename(path)
        with open(os.path.join(temporary, f'{name}{CHECKSUMS}'), 'w', encoding='utf-8') as file:
            file.write(_checksums(temporary, name))
        _remove(path)
        for part in _parts(temporary, name):
            files.flush(os.path.join(temporary, part))
            os.replace(os.path.join(temporary, part), os.path.join(folder, part))
        files.flush(folder)
        kept = [other for other in checkpoint_steps(folder) if other <= step][-keep:]
        for other in checkpoint_steps(folder):
            if other not in kept:
                _remove(checkpoint_path(folder, other))
        _write_list(folder)
    except (tf.errors.OpError, OSError) as error:
        raise RuntimeError(
            f'The checkpoint of step {step} could not be written to {folder}: '
            f'{first_line(error)}. {_surviving(folder)}Free disk space, or fix the problem; '
            'then the same command continues the run.'
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return path


def set_aside(folder: str, step: int) -> tuple[list[int], str]:
    """Move the checkpoints of later steps than `step` to a new folder inside `folder`.

    Returns:
        Their steps, in ascending order, and the path of that folder, which is made only for them.

    Raises:
        OSError: if a file cannot be moved.
    """
    later = [other for other in checkpoint_steps(folder) if other > step]
    path, number = os.path.join(folder, SET_ASIDE), 2
    while os.path.lexists(path):
        path, number = os.path.join(folder, f'{SET_ASIDE}-{number}'), number + 1
    if later:
        os.makedirs(path)
        # The index first: without it the other files do not count.
        for other in reversed(later):
            for part in reversed(_parts(folder, f'ckpt-{other}')):
                os.replace(os.path.join(folder, part), os.path.join(path, part))
        _write_list(folder)
    return later, path


def checkpoint_steps(folder: str) -> list[int]:
    """Return the steps of all checkpoints in a folder, in ascending order."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(int(match[1]) for match in map(INDEX.fullmatch, names) if match)


def find_damage(path: str) -> str | None:
    """Return what is wrong with a checkpoint, or None if it is intact.

    The files are compared with their checksums. A checkpoint without checksums of ours is checked
    by TensorFlow's, which do not cover all of the index.
    """
    folder, name = os.path.split(path)
    try:
        for part in _parts(folder, name):
            # A folder, a link to nothing or a pipe, which would wait for a writer.
            if not os.path.isfile(os.path.join(folder, part)):
                return f'{part} is not a file'
        with open(f'{path}{CHECKSUMS}', encoding='utf-8', errors='replace') as file:
            written = file.read()
        found = _checksums(folder, name)
    except FileNotFoundError:
        return _find_bad_tensor(path)
    except OSError as error:
        return f'it cannot be read: {first_line(error)}'
    if found == written:
        return None
    differing = {
        line.split()[-1]
        for line in set(found.splitlines()) ^ set(written.splitlines())
        if line.split()
    }
    return f'the checksum differs: {", ".join(sorted(differing)) or "the checksum file"}'


def newest_intact(folder: str) -> str | None:
    """Return the path of the newest intact checkpoint, or None if there are no checkpoints.

    Damaged checkpoints are reported on stderr.

    Raises:
        ValueError: if all checkpoints are damaged.
    """
    damaged = []
    for step in reversed(checkpoint_steps(folder)):
        path = checkpoint_path(folder, step)
        damage = find_damage(path)
        if damage is None:
            if damaged:
                print(f'WARNING: {"; ".join(damaged)}. Using {path} instead.', file=sys.stderr)
            return path
        # A run in training has removed it in the meantime.
        if step in checkpoint_steps(folder):
            damaged.append(f'{path} is damaged ({damage})')
    if damaged:
        raise ValueError(
            f'No checkpoint in {folder} can be used: {"; ".join(damaged)}. Restore the files from '
            'a backup, or use another --train_dir.'
        )
    return None


def _parts(folder: str, name: str) -> list[str]:
    """Return the names of the files of a checkpoint, the index last."""
    return sorted(
        (part for part in os.listdir(folder) if part.startswith(f'{name}.')),
        key=lambda part: (part.endswith('.index'), part),
    )


def _write_list(folder: str) -> None:
    """Write the list of checkpoints for TensorFlow's own tools; nothing here reads it.

    TensorFlow's function for it is deprecated.
    """
    names = [f'ckpt-{step}' for step in checkpoint_steps(folder)]
    lines = [f'model_checkpoint_path: "{names[-1]}"'] if names else []
    lines += [f'all_model_checkpoint_paths: "{name}"' for name in names]
    files.write_text(os.path.join(folder, 'checkpoint'), ''.join(f'{line}\n' for line in lines))


def _remove(path: str) -> None:
    """Delete a checkpoint, the index first: without it the other files do not count."""
    folder, name = os.path.split(path)
    for part in reversed(_parts(folder, name)):
        part = os.path.join(folder, part)
        if os.path.isdir(part) and not os.path.islink(part):
            shutil.rmtree(part)
        else:
            os.remove(part)


def _checksums(folder: str, name: str) -> str:
    """Return a line `SHA-256  name` for each file of a checkpoint."""
    return ''.join(
        f'{files.sha256(os.path.join(folder, part))}  {part}\n'
        for part in _parts(folder, name)
        if not part.endswith(CHECKSUMS)
    )


def _find_bad_tensor(path: str) -> str | None:
    import tensorflow as tf

    try:
        reader = tf.train.load_checkpoint(path)
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except Exception as error:  # the reader raises errors of many types
        return first_line(error)
    return None


def _surviving(folder: str) -> str:
    steps = checkpoint_steps(folder)
    return f'The checkpoint of step {steps[-1]} is untouched. ' if steps else ''
