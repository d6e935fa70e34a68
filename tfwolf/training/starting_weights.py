"""Set the weights of a model to stored ones, of which every one must fit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tfwolf.core import validate
from tfwolf.core.variables import as_tensorflow, named_variables
from tfwolf.models.wolf import Wolf
from tfwolf.training.stored_weights import Stored

# Lines of an error message.
MOST_LINES = 40
ADVICE = (
    'Both models must be alike: use the configuration of the other one (its config.gin). Weights '
    'that depend on the size of the images, such as the last layer of an encoder, fit only images '
    'of that size.'
)


def weight_names(model: Wolf, trainable: bool = False) -> list[str]:
    """Return the paths of a model's variables, with parts separated by `/`.

    Args:
        model: a `Wolf`.
        trainable: whether to return only those of trainable variables.
    """
    return [
        '/'.join(path)
        for path, variable in named_variables(model)
        if variable.trainable or not trainable
    ]


def set_weights(model: Wolf, stored: Mapping[str, Stored], what: str) -> None:
    """Set all variables of a model, which then counts as initialized from data.

    Floating types are converted to those of the model.

    Args:
        model: a `Wolf`.
        stored: `Stored` for each path of the model's variables, and for no other.
        what: what they are, in an error message.

    Raises:
        ValueError: if a weight is missing, has another shape or kind, or belongs to no weight of
            the model, with one line for each; or if they were not initialized. Nothing is changed.
    """
    variables = {'/'.join(path): as_tensorflow(each) for path, each in named_variables(model)}
    ours = {
        name: (validate.static_shape(name, each.shape), np.dtype(each.dtype.as_numpy_dtype))
        for name, each in variables.items()
    }
    if lines := _differences(ours, stored):
        shown = lines[:MOST_LINES]
        more = len(lines) - len(shown)
        raise ValueError(
            f'{what} do not fit this model; nothing was changed. {ADVICE}\n'
            + '\n'.join(f'  {line}' for line in shown)
            + (f'\n  and {more} more' if more else '')
        )
    if not stored['initialized'].read():
        raise ValueError(
            f'{what} are not initialized from data: they were saved before the first step. Train '
            'that model first.'
        )
    for name, variable in variables.items():
        variable.assign(np.asarray(stored[name].read()).astype(ours[name][1]))


def _differences(
    ours: Mapping[str, tuple[tuple[int, ...], np.dtype]], theirs: Mapping[str, Stored]
) -> list[str]:
    """Return a line `name: ours ..., theirs ...` for each weight that does not fit."""
    lines = []
    for name in [*ours, *(name for name in theirs if name not in ours)]:
        mine, other = ours.get(name), theirs.get(name)
        if mine is None or other is None:
            texts = (
                'missing' if mine is None else str(mine[0]),
                'missing' if other is None else str(other.shape),
            )
        elif mine[0] != other.shape:
            texts = str(mine[0]), str(other.shape)
        elif _kind(mine[1]) != _kind(other.dtype):
            texts = f'{mine[0]} {mine[1].name}', f'{other.shape} {other.dtype.name}'
        else:
            continue
        lines.append(f'{name}: ours {texts[0]}, theirs {texts[1]}')
    return lines


def _kind(dtype: np.dtype) -> str:
    """Return 'f' for floating types, 'b' for truth values, 'i' for integers, or another letter."""
    return 'f' if dtype.name == 'bfloat16' else {'u': 'i'}.get(dtype.kind, dtype.kind)
