"""The training curves of a run as a CSV file, for plots and tables without TensorBoard."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from tfwolf.core import files
from tfwolf.core.messages import first_line

KEYS = ('step', 'split')
SPLITS = ('train', 'validation')
# First columns of a file; other metrics follow in the order in which they first occur.
COLUMNS = (
    *KEYS,
    'bits_per_dim',
    'kl_nats',
    'nll_nats',
    'reconstruction_nats',
    'dequantization_nats',
)
# Of a model of continuous values.
CONTINUOUS_COLUMNS = (*KEYS, 'nats_per_dim', 'kl_nats', 'nll_nats', 'reconstruction_nats')


class Curves:
    """Append rows of scalar metrics to a CSV file.

    Columns are `step`, `split` ('train' or 'validation') and one for each metric. A value is empty
    where a row does not have the metric. A row is appended at once, so a killed process leaves at
    most one incomplete row, which is removed when the run continues. A new metric adds a column,
    for which the file is rewritten atomically.

    Args:
        path: path of the file; created with the first row.
        step: step from which the run continues, 0 for a new run. Rows of later steps are removed,
            because the run will write them again.
        columns: first columns of a new file.

    Raises:
        RuntimeError: if the file cannot be written.
    """

    def __init__(self, path: str, step: int, columns: Sequence[str] = COLUMNS) -> None:
        self._path = path
        text = _read(path)
        found, rows = _complete_rows(text or '')
        self._columns: list[str] = found or list(columns)
        kept = [row for row in rows if int(row[0]) <= step]
        if text not in (None, _as_text([self._columns, *kept])):
            self._rewrite(kept)

    def append(self, step: int, split: str, metrics: Mapping[str, object]) -> None:
        """Append a row.

        Args:
            step: number of the training step.
            split: 'train' or 'validation'.
            metrics: `{name: scalar}`.

        Raises:
            RuntimeError: if the file cannot be written.
        """
        new = [name for name in metrics if name not in self._columns]
        if new or not os.path.exists(self._path):
            rows = _complete_rows(_read(self._path) or '')[1]
            self._columns = [*self._columns, *new]
            self._rewrite([*row, *[''] * (len(self._columns) - len(row))] for row in rows)
        row = {'step': step, 'split': split, **metrics}
        try:
            with open(self._path, 'a', encoding='utf-8') as file:
                file.write(_as_text([[row.get(name, '') for name in self._columns]]))
        except OSError as error:
            raise self._failure(error) from error

    def _rewrite(self, rows: Iterable[Sequence[object]]) -> None:
        try:
            files.write_text(self._path, _as_text([self._columns, *rows]))
        except OSError as error:
            raise self._failure(error) from error

    def _failure(self, error: OSError) -> RuntimeError:
        return RuntimeError(
            f'{self._path} could not be written: {first_line(error)}. Free disk space, or fix the '
            'problem; then the same command continues the run.'
        )


def read_curves(path: str) -> dict[str, dict[str, np.ndarray]]:
    """Return the rows of a file of curves by split, `{split: {metric: float64 [num_rows]}}`.

    Each split, 'train' and 'validation', has all metrics of the file and 'step'. A value is NaN
    where a row does not have it. A last line without its line feed, which a running or killed
    process leaves, does not count.

    Args:
        path: path of the file.

    Raises:
        ValueError: if there is no such file, or it is damaged; the message names the line.
    """
    text = _read(path)
    if text is None:
        raise ValueError(f'{path} does not exist. Runs of this version write it while they train.')
    columns, *rows = [line.split(',') for line in text.split('\n')[:-1]] or [[]]
    if tuple(columns[: len(KEYS)]) != KEYS or len(set(columns)) != len(columns):
        raise _damage(path, 1, f'its columns must begin with {",".join(KEYS)} and differ')
    found: dict[str, list[list[float]]] = {split: [] for split in SPLITS}
    for number, row in enumerate(rows, start=2):
        if len(row) != len(columns):
            raise _damage(path, number, f'has {len(row)} values for {len(columns)} columns')
        step, split, *values = row
        if not step.isdecimal() or split not in found:
            raise _damage(path, number, f'has the step {step!r} and the split {split!r}')
        try:
            found[split].append([float(value or 'nan') for value in (step, *values)])
        except ValueError as error:
            raise _damage(path, number, f'has a value that is no number ({error})') from None
        if len(found[split]) > 1 and found[split][-1][0] <= found[split][-2][0]:
            raise _damage(path, number, f'has step {step} after step {found[split][-2][0]:.0f}')
    names = ['step', *columns[len(KEYS) :]]
    return {
        split: dict(zip(names, np.array(values, np.float64).reshape(-1, len(names)).T))
        for split, values in found.items()
    }


def _damage(path: str, line: int, what: str) -> ValueError:
    return ValueError(
        f'{path} is damaged: line {line}: {what}. Restore it from a backup, or remove the line.'
    )


def _read(path: str) -> str | None:
    """Return the text of a file, or None if there is none."""
    if not os.path.exists(path):
        return None
    with open(path, encoding='utf-8', errors='replace') as file:
        return file.read()


def _complete_rows(text: str) -> tuple[list[str], list[list[str]]]:
    """Return the columns and the complete rows of the text of a CSV file, none if there are none.

    The last line is incomplete without its line feed. Text that is not a file of curves has no
    complete rows.
    """
    lines = [line.split(',') for line in text.split('\n')[:-1]]
    if not lines or tuple(lines[0][: len(KEYS)]) != KEYS:
        return [], []
    columns, *rows = lines
    return columns, [row for row in rows if len(row) == len(columns) and row[0].isdecimal()]


def _as_text(rows: Iterable[Sequence[object]]) -> str:
    return ''.join(f'{",".join(map(str, row))}\n' for row in rows)
