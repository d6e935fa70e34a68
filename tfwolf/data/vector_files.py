"""Rows of a file as vectors with the features of a model."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

import numpy as np

from tfwolf.data.array_files import find_arrays
from tfwolf.data.csv_numbers import read_csv


def read_vectors(location: str, features: Sequence[str], delimiter: str = ',') -> np.ndarray:
    """Return the rows of a CSV, `.npy` or `.npz` file, numbers `[n, features]`.

    Of a CSV file with a header the columns of the features are read, in their order.

    Args:
        location: path of the file.
        features: names of the features.
        delimiter: character between cells of a CSV file.

    Raises:
        ValueError: if the file cannot be read, or does not have these features.
    """
    path = pathlib.Path(location).expanduser()
    if path.suffix.lower() not in ('.npy', '.npz'):
        return read_csv(path, features, delimiter)[0]
    arrays = find_arrays(path)
    if len(arrays.names) > 1:
        raise ValueError(
            f'{path} must hold one array of rows; it holds {arrays.text}. Save one as .npy.'
        )
    rows = arrays.values[next(iter(arrays.names.values()))[0]]
    if rows.ndim != 2 or rows.shape[1] != len(features):
        raise ValueError(f'{path} must hold rows [n, {len(features)}]; got {rows.shape}.')
    return rows
