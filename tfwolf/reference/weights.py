"""Reads the reference's weights from a file and puts them into a model: all of them, or nothing."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping, Sequence

import numpy as np

from tfwolf.models.wolf import Wolf
from tfwolf.reference.layout import Slot, slots

# What a `.pt` holds beside weights: the number of batches seen, and the inverses of matrices that
# are weights themselves.
DERIVED = ('.num_batches_tracked', '.weight_inv')


def read_weights(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Returns `{name: float array}` from a `.npz` or the `.pt` of a state dict; no code in the file
    is run.

    Raises:
        ValueError: if the file cannot be read, holds anything but arrays, or is a `.pt` and torch
            is not installed.
    """
    path = str(path)
    if path.endswith(('.pt', '.pth')):
        return _read_torch(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f'The weights {path} cannot be read as .npz: {error}') from error


def load_weights(model: Wolf, arrays: Mapping[str, np.ndarray]) -> None:
    """Sets all weights of a model and marks it initialised.

    Args:
        model: a `Wolf`.
        arrays: `{reference's name: array}`.

    Raises:
        ValueError: if weights are missing, unexpected, misshapen or not finite; each is named, and
            nothing is changed.
    """
    wanted = slots(model)
    faults = find_faults(wanted, arrays)
    if faults:
        raise ValueError(
            'The weights do not fit the configuration; nothing was changed or written.\n'
            + '\n'.join(faults)
        )
    for slot in wanted:
        slot.assign(np.asarray(arrays[slot.name], np.float64))
    model.initialized.assign(True)


def copy_weights(source: Wolf, target: Wolf) -> None:
    """Sets all weights of a model to those of another of the same structure; dtype and form of the
    matrices may differ.
    """
    for theirs, ours in zip(slots(source), slots(target), strict=True):
        ours.copy(theirs)
    target.initialized.assign(True)


def find_faults(wanted: Sequence[Slot], arrays: Mapping[str, np.ndarray]) -> list[str]:
    """Returns one line for every array that is missing, unexpected, misshapen or not finite."""
    known = {slot.name: slot for slot in wanted}
    faults = [
        f'  missing: {name} {slot.shape}' for name, slot in known.items() if name not in arrays
    ]
    for name, array in arrays.items():
        if name.endswith(DERIVED):
            continue
        if name not in known:
            faults.append(f'  unexpected: {name} {array.shape}')
        elif array.shape != known[name].shape:
            faults.append(f'  misshapen: {name} is {array.shape}, must be {known[name].shape}')
        elif array.dtype.kind != 'f' or not np.isfinite(array).all():
            faults.append(
                f'  not finite: {name} holds values that are no finite floating point numbers'
            )
    return faults


def _read_torch(path):
    try:
        import torch
    except ImportError as error:
        raise ValueError(
            f'{path} needs PyTorch to be read. Install torch, or convert the file once where it '
            'is installed:\n'
            f"  python -c \"import numpy, torch; d = torch.load('{path}', map_location='cpu', "
            'weights_only=True); '
            "numpy.savez('model.npz', **{k: v.numpy() for k, v in d.items()})\""
        ) from error
    try:
        values = torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:  # torch lets through whatever its unpickler meets
        # Not torch's own words: they advise to run what is in the file.
        raise ValueError(
            f'{path} cannot be read as a state dict of tensors ({type(error).__name__}). It was '
            'opened with weights_only=True, '
            'so nothing in it was run; a file that holds anything but tensors is refused.'
        ) from error
    if not isinstance(values, dict) or not all(
        isinstance(value, torch.Tensor) for value in values.values()
    ):
        raise ValueError(f'{path} must hold a state dict of tensors; it holds something else.')
    return {name: value.detach().cpu().numpy() for name, value in values.items()}
