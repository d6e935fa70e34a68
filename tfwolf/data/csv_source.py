"""Vectors from a file of comma-separated numbers."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Sequence

from tfwolf.data import dataset, holdout
from tfwolf.data.csv_numbers import read_csv
from tfwolf.data.duplicates import duplicates_note
from tfwolf.data.registry import register_source
from tfwolf.data.stable_holdout import parts
from tfwolf.data.vectors import vector_dataset, vector_split


@register_source('csv', location='PATH')
def load_csv(
    location: str,
    columns: Sequence[str | int] | None = None,
    delimiter: str = ',',
    validation_size: holdout.PartSize | None = None,
    test_size: holdout.PartSize | None = None,
) -> dataset.ImageDataset:
    """Return the rows of a CSV file as an `ImageDataset` of vectors.

    Splits are held out by a hash of each row, so that a new row moves no other.

    Args:
        location: path of the file.
        columns, delimiter: see `read_csv`.
        validation_size, test_size: see `sources.load_dataset`.

    Raises:
        ValueError: as `read_csv` and `vector_split`.
    """
    path = pathlib.Path(location).expanduser()
    numbers, features = read_csv(path, columns, delimiter)
    splits = parts({'all': vector_split(str(path), numbers, features)}, validation_size, test_size)
    notes = (
        f'{path}: {len(numbers):,} rows of {len(features)} features: {_shown(features)}',
        *duplicates_note(*splits),
    )
    found = vector_dataset(path.stem, splits, features, notes)
    return dataclasses.replace(found, delimiter=delimiter)


def _shown(features: Sequence[str]) -> str:
    return ', '.join(features[:8]) + (', ...' if len(features) > 8 else '')
