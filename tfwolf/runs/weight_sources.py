"""Where a new run may take its first weights from: a run, or an exported or packed model."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np

from tfwolf.core.files import sha256
from tfwolf.core.messages import did_you_mean, first_line
from tfwolf.core.outside_links import check_no_outside_links
from tfwolf.core.paths import expanded, for_tensorflow
from tfwolf.evaluation.provenance import checkpoint_sha256
from tfwolf.models.wolf import Wolf
from tfwolf.runs.exported_weights import VARIABLES, exported_weights, find_export
from tfwolf.runs.pretrained import pretrained_run
from tfwolf.runs.pretrained_names import WEIGHTS, pretrained_name, pretrained_names
from tfwolf.training import run_directory
from tfwolf.training.averages import AVERAGED, RAW
from tfwolf.training.checkpoints import find_checkpoint, has_checkpoint
from tfwolf.training.starting_weights import set_weights, weight_names
from tfwolf.training.stored_weights import (
    DamagedWeights,
    Stored,
    averaged_variables,
    checkpoint_variables,
)

PRETRAINED = 'pretrained model'


class Source(NamedTuple):
    """Weights and where they are from.

    Attributes:
        stored: `Stored` by the names of weights.
        kind: what holds them, for people.
        checkpoint: name of the checkpoint, or of the file.
        sha256: of the index of the checkpoint, or of the file, which identifies the weights.
        weights: 'raw' or 'averaged'.
    """

    stored: dict[str, Stored]
    kind: str
    checkpoint: str
    sha256: str
    weights: str


def start_from(model: Wolf, init_from: str | os.PathLike[str]) -> dict[str, str]:
    """Set the weights of a model to those of a run or of an exported or packed model.

    Nothing else of it is used: no state of the optimizer, no number of steps. What it holds is read
    as data.

    Args:
        model: the `Wolf`. It counts as initialized afterwards.
        init_from: folder of a run, of an imported model, of a model that `tfwolf pack` wrote, or of
            an exported model or one of its versions; or 'pretrained:NAME' or NAME for a pretrained
            model. Of a run, its latest checkpoint; and the averages of its weights, if it has them.

    Returns:
        What `weights_origin.write_origin` writes.

    Raises:
        ValueError: if there are no weights, or they do not fit the model, which is left unchanged.
    """
    text = os.fspath(init_from)
    source = _open(text, model)
    what = f'The {source.weights} weights of {text} ({source.kind}, {source.checkpoint})'
    set_weights(model, source.stored, what)
    return {
        'source': text if source.kind == PRETRAINED else os.path.abspath(expanded(text)),
        'kind': source.kind,
        'checkpoint': source.checkpoint,
        'sha256': source.sha256,
        'weights': source.weights,
    }


def _open(text: str, model: Wolf) -> Source:
    name = pretrained_name(text)
    if name is None and text in pretrained_names() and not os.path.exists(text):
        name = text
    if name is not None:
        return _of_run(pretrained_run(name), model)._replace(kind=PRETRAINED)
    folder = for_tensorflow('init_from', text)
    check_no_outside_links(folder)
    if has_checkpoint(folder):
        return _of_run(folder, model)
    if export := find_export(folder):
        stored = exported_weights(export, model)
        digest = sha256(os.path.join(export, f'{VARIABLES}.index'))
        return Source(stored, 'exported model', os.path.basename(export), digest, RAW)
    if os.path.isfile(os.path.join(folder, run_directory.CONFIG)):
        if os.path.isfile(os.path.join(folder, WEIGHTS)):
            return _of_packed(folder)
        raise ValueError(f'`init_from`: the run in {text} has no checkpoint yet. Train it first.')
    raise ValueError(
        '`init_from` must be the folder of a run (with checkpoints/), of an exported model (with '
        f'saved_model.pb or versions of it) or of a packed model (with {WEIGHTS}), or the name of '
        f'a pretrained model; got init_from={text!r}, which '
        + ('has none of these files.' if os.path.isdir(folder) else 'does not exist.')
        + did_you_mean(text, pretrained_names())
    )


def _of_run(folder: str, model: Wolf) -> Source:
    path = find_checkpoint(folder, 'latest')
    stored, weights = checkpoint_variables(path, 'model'), RAW
    # Averages have no names but the order of the model's weights.
    if set(stored) == set(weight_names(model)):
        averages = averaged_variables(path, weight_names(model, trainable=True))
        if averages:
            if any(averages[name].shape != stored[name].shape for name in averages):
                raise DamagedWeights(f'The averages in {path} are not those of its weights.')
            stored, weights = stored | averages, AVERAGED
    return Source(stored, 'run', os.path.basename(path), checkpoint_sha256(path), weights)


def _of_packed(folder: str) -> Source:
    path = os.path.join(folder, WEIGHTS)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except Exception as error:  # of many types
        raise DamagedWeights(f'{path} cannot be read: {first_line(error)}.') from error

    def stored(array: np.ndarray) -> Stored:
        return Stored(array.shape, array.dtype, lambda: array)

    found = {name: stored(array) for name, array in arrays.items()}
    return Source(found, 'packed model', WEIGHTS, sha256(path), RAW)
