"""The weights of a model in half precision, and the run that is made from them."""

from __future__ import annotations

import json
import os
import pathlib
import shutil

import numpy as np
import tensorflow as tf

from tfwolf.core import files
from tfwolf.core.variables import named_variables
from tfwolf.evaluation.provenance import checkpoint_sha256
from tfwolf.models.wolf import Wolf
from tfwolf.runs.configuration import read_configuration
from tfwolf.runs.pretrained_names import WEIGHTS
from tfwolf.training import run_directory
from tfwolf.training.checkpoint_files import checkpoint_path, find_damage, publish
from tfwolf.training.checkpoints import BEST, LATEST


def round_weights(model: Wolf) -> None:
    """Round all weights of a model to half precision, in place.

    A flow with rounded weights is a flow: it stays exactly invertible.

    Raises:
        ValueError: if a weight is too large for half precision, or not finite.
    """
    for path, variable in named_variables(model):
        value = np.asarray(variable)
        if not np.issubdtype(value.dtype, np.floating):
            continue
        with np.errstate(over='ignore'):
            half = value.astype(np.float16)
        if not np.isfinite(half).all():
            raise ValueError(
                f'The variable {"/".join(path)} cannot be stored in half precision: its values '
                f'must be finite and at most {np.finfo(np.float16).max:,.0f}; the largest is '
                f'{np.abs(value).max()}.'
            )
        variable.assign(half.astype(value.dtype))


def save_weights(model: Wolf, path: str) -> None:
    """Write the weights of a model as an `.npz` file: path of a variable -> array.

    Floating-point numbers are stored in half precision, see `round_weights`; others as they are.
    """
    arrays = {}
    for name, variable in named_variables(model):
        value = np.asarray(variable)
        is_real = np.issubdtype(value.dtype, np.floating)
        arrays['/'.join(name)] = value.astype(np.float16) if is_real else value
    with files.atomic_path(path) as temporary, open(temporary, 'wb') as file:
        np.savez_compressed(file, **arrays)


def load_weights(model: Wolf, path: str | os.PathLike) -> None:
    """Set the weights of a model to those of a file that `save_weights` wrote.

    Raises:
        ValueError: if the file is of another model.
    """
    variables = {'/'.join(name): variable for name, variable in named_variables(model)}
    with np.load(path, allow_pickle=False) as archive:
        if set(archive.files) != set(variables):
            differing = sorted(set(archive.files) ^ set(variables))
            raise ValueError(
                f'{path} holds the weights of another model; variables of one of the two only: '
                f'{", ".join(differing[:5])}.'
            )
        for name, variable in variables.items():
            variable.assign(archive[name].astype(np.asarray(variable).dtype))


def unpack(packed: pathlib.Path, folder: str) -> None:
    """Make a run of a pretrained model: configuration, checkpoint, evaluation.

    Args:
        packed: folder of the pretrained model.
        folder: of the run; it must not exist.
    """
    os.makedirs(folder)
    config = (packed / run_directory.CONFIG).read_text(encoding='utf-8')
    experiment = read_configuration(run_text=config).experiment()
    model = experiment.make_model(experiment.find_image_shape(), seed=0)
    load_weights(model, packed / WEIGHTS)
    evaluation = _evaluation(packed)
    checkpoint = tf.train.Checkpoint(model=model)
    path = publish(checkpoint, os.path.join(folder, LATEST), evaluation['step'], keep=1)
    # The only checkpoint is the best one, too.
    os.symlink(LATEST, os.path.join(folder, BEST))
    identity = {
        'checkpoint': os.path.basename(path),
        'checkpoint_sha256': checkpoint_sha256(path),
        'weights': 'raw',
    }
    files.write_json(os.path.join(folder, run_directory.EVALUATION), {**evaluation, **identity})
    # Last: what has no configuration is no run.
    shutil.copyfile(packed / run_directory.CONFIG, os.path.join(folder, run_directory.CONFIG))


def is_intact(packed: pathlib.Path, folder: pathlib.Path) -> bool:
    """Return whether a folder holds the complete run of a pretrained model.

    Args:
        packed: folder of the pretrained model.
        folder: of the run.
    """
    config = folder / run_directory.CONFIG
    path = checkpoint_path(str(folder / LATEST), _evaluation(packed)['step'])
    return (
        config.is_file()
        and config.read_bytes() == (packed / run_directory.CONFIG).read_bytes()
        and os.path.isfile(f'{path}.index')
        and find_damage(path) is None
    )


def _evaluation(packed: pathlib.Path) -> dict:
    return json.loads((packed / run_directory.EVALUATION).read_text(encoding='utf-8'))
