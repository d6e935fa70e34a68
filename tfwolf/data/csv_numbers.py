"""Files of comma-separated numbers: a row per vector, a column per feature."""

from __future__ import annotations

import csv
import math
import pathlib
from collections.abc import Sequence

import numpy as np

from tfwolf.core.messages import did_you_mean, first_line


def read_csv(
    path: pathlib.Path, columns: Sequence[str | int] | None = None, delimiter: str = ','
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the numbers of a CSV file, float64 `[n, features]`, and the names of the features.

    The first line is a header if one of its cells is not a number. Without one, the names are the
    numbers of the columns, from 1. Empty lines are ignored.

    Args:
        path: path of the file, in UTF-8.
        columns: names or numbers (from 1) of the columns that are read, in this order; None for
            all. In a file without a header, as many names as columns stand for all of them.
        delimiter: character between cells.

    Raises:
        ValueError: if the file cannot be read, has no rows, a row has another number of cells, or a
            cell is not a finite number. The message names line and column.
    """
    if not isinstance(delimiter, str) or len(delimiter) != 1:
        raise ValueError(f'`delimiter` must be one character; got delimiter={delimiter!r}.')
    try:
        with open(path, encoding='utf-8-sig', newline='') as file:
            reader = csv.reader(file, delimiter=delimiter)
            lines = [(reader.line_num, row) for row in reader if any(map(str.strip, row))]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f'{path} cannot be read as a CSV file: {first_line(error)}') from error
    header = lines and not all(map(_is_number, lines[0][1]))
    if not lines or len(lines) == bool(header):
        raise ValueError(f'{path} must hold rows of numbers; it is empty.')
    width = len(lines[0][1])
    names = [cell.strip() or str(i) for i, cell in enumerate(lines[0][1], 1)]
    if not header:
        names = [str(i) for i in range(1, width + 1)]
    if len(set(names)) < width:
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f'{path}: the columns must have different names; got {twice!r} twice.')
    unnamed = not header and columns is not None and len(columns) == width
    if unnamed and not set(map(str, columns or ())) & set(names):
        columns = None
    chosen = _positions(path, names, columns)
    rows = lines[1:] if header else lines
    numbers = np.empty([len(rows), len(chosen)])
    for row, (line, cells) in zip(numbers, rows):
        if len(cells) != width:
            raise ValueError(
                f'{path}, line {line}: each line must have {width} cells, as the first one; got '
                f'{len(cells)}.'
            )
        for place, column in enumerate(chosen):
            row[place] = _number(path, line, names[column], cells[column])
    return numbers, tuple(names[column] for column in chosen)


def _positions(
    path: pathlib.Path, names: Sequence[str], columns: Sequence[str | int] | None
) -> list[int]:
    """Return the positions of the chosen columns, from 0."""
    if columns is None:
        return list(range(len(names)))
    if isinstance(columns, str) or not len(columns):
        raise ValueError(f'`columns` must be names or numbers of columns; got columns={columns!r}.')
    positions = []
    for column in columns:
        if column in names:
            positions.append(names.index(column))  # pyright: ignore[reportArgumentType]
        elif isinstance(column, int) and 1 <= column <= len(names):
            positions.append(column - 1)
        else:
            raise ValueError(
                f'{path} has no column {column!r}; its {len(names)} columns are '
                f'{", ".join(names[:20])}.{did_you_mean(str(column), names)}'
            )
    return positions


def _number(path: pathlib.Path, line: int, column: str, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = None
    if value is None or not math.isfinite(value):
        kind = 'an empty cell' if not cell.strip() else repr(cell.strip())
        raise ValueError(
            f'{path}, line {line}, column {column}: a cell must be a finite number; got {kind}. '
            'Correct it, or leave the column out (dataset.columns).'
        )
    return value


def _is_number(cell: str) -> bool:
    """Return whether a cell is a number, NaN and infinity included."""
    try:
        float(cell)
    except ValueError:
        return False
    return True
