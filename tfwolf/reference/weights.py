"""Read the reference's weights from a file and set those of a model: all of them, or none."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping, Sequence

import numpy as np

from tfwolf.models.wolf import Wolf
from tfwolf.reference.layout import slots
from tfwolf.reference.slot import Slot

# Arrays in a `.pt` file that are not weights: numbers of batches, and inverses of matrices.
DERIVED = ('.num_batches_tracked', '.weight_inv')


def read_weights(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Return `{name: float array}` from a `.npz` file or the `.pt` file of a state dict.

    Code in the file is never run.

    Raises:
        ValueError: if the file cannot be read, contains anything but arrays, or is a `.pt` file and
            torch is not installed.
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
    """Set all weights of a model and mark it as initialized.

    Args:
        model: a `Wolf`.
        arrays: `{reference's name: array}`.

    Raises:
        ValueError: if weights are missing, unexpected, of a wrong shape or not finite. The message
            names each, and nothing is changed.
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
    """Set all weights of a model to those of another one of the same structure.

    Args:
        source: the `Wolf` to copy from.
        target: the `Wolf` to change; its dtype and the form of its matrices may differ.
    """
    for theirs, ours in zip(slots(source), slots(target), strict=True):
        ours.copy(theirs)
    target.initialized.assign(True)


def find_faults(wanted: Sequence[Slot], arrays: Mapping[str, np.ndarray]) -> list[str]:
    """Return a line for every array that is missing, unexpected, of a wrong shape or not finite."""
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
            faults.append(f'  wrong shape: {name} is {array.shape}, must be {known[name].shape}')
        elif array.dtype.kind != 'f' or not np.isfinite(array).all():
            faults.append(
                f'  not finite: {name} has values that are not finite floating-point numbers'
            )
    return faults


def _read_torch(path):
    try:
        import torch  # pyright: ignore[reportMissingImports]  (optional)
    except ImportError as error:
        raise ValueError(
            f'Reading {path} needs PyTorch. Install torch, or convert the file where it is '
            'installed:\n'
            f"  python -c \"import numpy, torch; d = torch.load('{path}', map_location='cpu', "
            'weights_only=True); '
            "numpy.savez('model.npz', **{k: v.numpy() for k, v in d.items()})\""
        ) from error
    try:
        values = torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:  # torch raises errors of many types
        # Without torch's message, which advises to run the code in the file.
        raise ValueError(
            f'{path} cannot be read as a state dict of tensors ({type(error).__name__}). A file '
            'with anything but tensors is not supported. It was opened with weights_only=True, so '
            'nothing in it was run.'
        ) from error
    if not isinstance(values, dict) or not all(
        isinstance(value, torch.Tensor) for value in values.values()
    ):
        raise ValueError(f'{path} must contain a state dict of tensors; it contains other objects.')
    return {name: value.detach().cpu().numpy() for name, value in values.items()}
