"""The evaluation in the folder of a run, and whether it is of the exported weights."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfwolf.evaluation.provenance import checkpoint_sha256
from tfwolf.training import run_directory
from tfwolf.training.checkpoints import BEST, LATEST

# Beginnings of the names of the weights and their averages in a checkpoint.
WEIGHTS = ('model/', 'train_step/averages/')


class RunEvaluation(NamedTuple):
    """An evaluation of a run.

    Attributes:
        result: what `tfwolf.evaluate` wrote.
        is_of_export: whether it was computed with the exported weights.
    """

    result: dict[str, Any]
    is_of_export: bool


def read_evaluation(train_dir: str, provenance: dict[str, Any]) -> RunEvaluation | None:
    """Return the `RunEvaluation` in the folder of a run, or None if there is none.

    The files of the best and of the latest checkpoint differ even at the same step: the best one
    also stores its score. So the weights in the files are compared, not the files.

    Args:
        train_dir: folder of the run.
        provenance: dict with `checkpoint`, `checkpoint_sha256` and `weights` of the export.
    """
    result = run_directory.read_evaluation(train_dir)
    if result is None:
        return None
    # Older results do not have `weights`; averages did not exist then.
    result.setdefault('weights', 'raw')
    return RunEvaluation(result, _is_same(train_dir, result, provenance))


def _is_same(train_dir: str, result: dict[str, Any], provenance: dict[str, Any]) -> bool:
    if any(result.get(key) != provenance[key] for key in ('checkpoint', 'weights')):
        return False
    if result.get('checkpoint_sha256') == provenance['checkpoint_sha256']:
        return True
    paths = [_find(train_dir, about) for about in (result, provenance)]
    return None not in paths and _have_equal_weights(*filter(None, paths))


def _find(train_dir: str, about: dict[str, Any]) -> str | None:
    """Return the path of a checkpoint, without extension, given its name and its checksum."""
    for folder in (LATEST, BEST):
        path = os.path.join(train_dir, folder, about['checkpoint'])
        if os.path.isfile(f'{path}.index') and (
            checkpoint_sha256(path) == about.get('checkpoint_sha256')
        ):
            return path
    return None


def _have_equal_weights(path_a: str, path_b: str) -> bool:
    readers = [tf.train.load_checkpoint(path) for path in (path_a, path_b)]
    names_a, names_b = (
        {name for name in reader.get_variable_to_shape_map() if name.startswith(WEIGHTS)}
        for reader in readers
    )
    return names_a == names_b and all(
        np.array_equal(*(reader.get_tensor(name) for reader in readers)) for name in names_a
    )
