"""The weights of a model from its SavedModel, in which matrices and kernels are stored computed.

`tfwolf.core.freeze.freeze` stores values that are computed from weights in place of these, such as
a kernel in place of its direction and its length. Here they are computed back. The SavedModel is
read as a file of arrays; nothing of its graph is run.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping

import numpy as np

from tfwolf.bijectors.matrix import FACTORS, PLUMatrix
from tfwolf.core.freeze import Derived, derived_attributes
from tfwolf.core.variables import as_tensorflow
from tfwolf.models.wolf import Wolf
from tfwolf.training.stored_weights import Stored, checkpoint_variables
from tfwolf.training.variable_owners import Owned, owned_variables

SAVED_MODEL = 'saved_model.pb'
VARIABLES = os.path.join('variables', 'variables')


def find_export(folder: str) -> str | None:
    """Return the folder of a SavedModel: `folder`, or its highest version; None without any."""
    if os.path.isfile(os.path.join(folder, SAVED_MODEL)):
        return folder
    versions = [
        int(name)
        for name in (os.listdir(folder) if os.path.isdir(folder) else ())
        if name.isdecimal() and os.path.isfile(os.path.join(folder, name, SAVED_MODEL))
    ]
    return os.path.join(folder, str(max(versions))) if versions else None


def exported_weights(folder: str, model: Wolf) -> dict[str, Stored]:
    """Return the weights of an exported model by the names that they have in `model`.

    Names that only one of both has are those of `model`, or of the SavedModel.

    Args:
        folder: of the SavedModel.
        model: a model like the exported one, not frozen.

    Raises:
        ValueError: if the SavedModel does not say which weight is which, because an earlier version
            of tfwolf or another program has written it, or if it cannot be read.
    """
    stored = checkpoint_variables(os.path.join(folder, VARIABLES), 'weights')
    if all(name.isdecimal() for name in stored):
        raise ValueError(
            f'{folder} is an exported model without the names of its weights: it was written by a '
            'version of tfwolf before 0.3.0, or by another program. Name the run that it was '
            'exported from, or export that run again.'
        )
    weights: dict[str, Stored] = {}
    computed: set[str] = set()
    for owned in owned_variables(model):
        prefix = owned.path.removesuffix(owned.attribute)
        attributes = [found for path, _, found in derived_attributes(owned.owner) if not path]
        computed.update(f'{prefix}{found.name}' for found in attributes)
        if owned.path in stored:
            weights[owned.path] = stored[owned.path]
        elif as_tensorflow(owned.variable).dtype.is_bool:
            # Whether something is decided or initialized: it is, in an exported model.
            weights[owned.path] = Stored((), np.dtype(bool), lambda: np.array(True))
        else:
            for found in attributes:
                value = stored.get(f'{prefix}{found.name}')
                if value is not None and owned.attribute in found.instead_of:
                    read = _computed_back(owned, found, value)
                    if read is not None:
                        weights[owned.path] = read
    unknown = {name: each for name, each in stored.items() if name not in weights}
    return weights | {name: each for name, each in unknown.items() if name not in computed}


def _computed_back(owned: Owned, derived: Derived, value: Stored) -> Stored | None:
    """Return a weight from a derived value that is stored, None if that does not tell it."""
    names = [name.removeprefix('output_') for name in derived.instead_of]
    if isinstance(owned.owner, PLUMatrix) and derived.name == 'matrix':
        rank = 1 if owned.attribute in ('log_diagonal', 'sign') else 2
        shape = value.shape[: len(value.shape) - 2 + rank]
        return Stored(shape, value.dtype, lambda: _factors(value)[owned.attribute])
    if names == ['direction', 'length'] and owned.attribute == derived.instead_of[0]:
        return Stored(value.shape, value.dtype, functools.partial(_direction, owned, value))
    if names == ['direction', 'length']:
        shape = (*value.shape[: int(owned.is_stacked)], *value.shape[-1:])
        return Stored(shape, value.dtype, lambda: _norm(value.read(), owned).reshape(shape))
    return None


def _norm(kernel: np.ndarray, owned: Owned) -> np.ndarray:
    """Return the norm per output channel, with the other axes of size 1 except the stacked one."""
    axes = tuple(range(int(owned.is_stacked), kernel.ndim - 1))
    return np.sqrt(np.sum(np.square(kernel, dtype=np.float64), axis=axes, keepdims=True))


def _direction(owned: Owned, kernel: Stored) -> np.ndarray:
    """Return a direction as long as the model's own, so that updates turn it as fast.

    Where the kernel is zero it has no direction, and the model's own stays.
    """
    own, values = as_tensorflow(owned.variable).numpy(), kernel.read()
    length = _norm(values, owned)
    turned = values / np.where(length, length, 1) * _norm(own, owned)
    return np.where(length, turned, own)


def _factors(matrix: Stored) -> Mapping[str, np.ndarray]:
    """Return the weights of a `PLUMatrix`, each stacked like the matrices."""
    matrices = matrix.read()
    size = matrices.shape[-1]
    rows = []
    for each in matrices.reshape([-1, size, size]):
        factors = PLUMatrix(size)
        factors.assign(each)
        rows.append([getattr(factors, name).numpy() for name in FACTORS])
    return {
        name: np.stack(values).reshape([*matrices.shape[:-2], *values[0].shape])
        for name, values in zip(FACTORS, zip(*rows))
    }
