"""The attributes of images in NumPy arrays."""

from __future__ import annotations

import pathlib

import numpy as np

from tfwolf.data.array_files import ATTRIBUTE_NAMES, ATTRIBUTES, Arrays
from tfwolf.data.attributes import as_attributes, checked_names


def read_attributes(
    path: pathlib.Path, arrays: Arrays
) -> tuple[tuple[str, ...], dict[str, np.ndarray]]:
    """Return (names of the attributes, `{split: bool [n, num_attributes]}`); empty without any.

    Args:
        path: of the file or folder, for messages.
        arrays: what it holds.

    Raises:
        ValueError: if there are attributes without names, names without attributes, a split lacks
            its attributes, or an array has another type or shape.
    """
    if not arrays.attributes and arrays.attribute_names is None:
        return (), {}
    if arrays.attribute_names is None:
        raise ValueError(
            f'{path} has {sorted(arrays.attributes.values())}, and must also have the names of the '
            f'attributes in {ATTRIBUTE_NAMES!r}, an array of strings [num_attributes].'
        )
    missing = [ATTRIBUTES[split] for split in arrays.names if split not in arrays.attributes]
    if missing:
        raise ValueError(
            f'{path} has {arrays.attribute_names!r}, and must have attributes of the images of '
            f'every split; it lacks {", ".join(missing)}, bool [n, num_attributes].'
        )
    title = f'{path}: {arrays.attribute_names!r}'
    given = arrays.values[arrays.attribute_names]
    if given.ndim != 1 or given.dtype.kind != 'U':
        raise ValueError(
            f'{title} must be an array of strings [num_attributes]; got {given.dtype} '
            f'{given.shape}.'
        )
    names = checked_names(title, given.tolist())
    return names, {
        split: as_attributes(
            f'{path}: {name!r}',
            arrays.values[name],
            (len(arrays.values[arrays.names[split][0]]), len(names)),
        )
        for split, name in arrays.attributes.items()
    }
