"""The attributes of image files: the table `attributes.csv` in their folder.

Its first line is a header: any name of the column of files, then the names of the attributes. Each
other line has the name of a file and 0 or 1 for each attribute, or -1 or 1 as in the list of
CelebA. The name is the path within the folder, with /, or the name alone where it is the only one.
"""

from __future__ import annotations

import collections
import csv
import pathlib
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tfwolf.core.messages import did_you_mean
from tfwolf.data.attributes import checked_names
from tfwolf.data.folder_layout import ATTRIBUTES_FILE, Layout, shown

VALUES = {'0': False, '-1': False, '1': True}


class FileAttributes(NamedTuple):
    """Attributes of files.

    Attributes:
        names: of the attributes; empty without any.
        values: `{file: a bool for each attribute}`.
    """

    names: tuple[str, ...]
    values: dict[pathlib.Path, list[bool]]

    def of(self, files: Sequence[pathlib.Path]) -> np.ndarray | None:
        """Return the attributes of files, bool `[n, num_attributes]`; None without any."""
        if not self.names:
            return None
        return np.array([self.values[file] for file in files], bool).reshape(-1, len(self.names))


def read_attributes(root: pathlib.Path, layout: Layout) -> FileAttributes:
    """Return the attributes of the images in a folder.

    Args:
        root: the folder; without `attributes.csv` there are no attributes.
        layout: its `Layout`.

    Raises:
        ValueError: if the table cannot be read, names a file that there is not or one twice, lacks
            a file, or has another value.
    """
    path = root / ATTRIBUTES_FILE
    if not path.is_file():
        return FileAttributes((), {})
    files = [file for listing in layout.splits.values() for file in listing.files]
    places = _places(root, files)
    try:
        with open(path, encoding='utf-8-sig', newline='') as file:
            rows = [(number, row) for number, row in enumerate(csv.reader(file), 1) if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f'{path} cannot be read as a CSV file in UTF-8: {error}.') from error
    if not rows:
        raise ValueError(f'{path} is empty; its first line must be file,ATTRIBUTE,ATTRIBUTE,...')
    names = checked_names(f'The header of {path}', rows[0][1][1:])
    found: dict[pathlib.Path, list[bool]] = {}
    for number, row in rows[1:]:
        where = f'{path}, line {number}'
        file = _file(where, row[0].strip(), places)
        if file in found:
            raise ValueError(f'{where}: {row[0]!r} has a line already. Remove one of them.')
        found[file] = _values(where, row[1:], names)
    missing = [file.relative_to(root).as_posix() for file in files if file not in found]
    if missing:
        raise ValueError(
            f'{path} must have a line for every image; it lacks {len(missing):,}: {shown(missing)}.'
        )
    return FileAttributes(names, found)


def _places(root: pathlib.Path, files: Sequence[pathlib.Path]) -> dict[str, pathlib.Path | None]:
    """Return the file of each name that a line may have; None where it is that of several."""
    counts = collections.Counter(_plain(file.name) for file in files)
    alone = {_plain(file.name): file if counts[_plain(file.name)] == 1 else None for file in files}
    return {**alone, **{_plain(file.relative_to(root).as_posix()): file for file in files}}


def _file(where: str, name: str, places: dict[str, pathlib.Path | None]) -> pathlib.Path:
    plain = _plain(name.replace('\\', '/').removeprefix('./'))
    if plain not in places:
        raise ValueError(
            f'{where}: there is no image {name!r} in the folder.{did_you_mean(name, places)} '
            'Name a file by its path within the folder.'
        )
    file = places[plain]
    if file is None:
        raise ValueError(
            f'{where}: several images have the name {name!r}. Name the path within the folder, '
            'such as train/cat/001.png.'
        )
    return file


def _values(where: str, cells: Sequence[str], names: tuple[str, ...]) -> list[bool]:
    if len(cells) != len(names):
        raise ValueError(
            f'{where}: a value for each of the {len(names)} attributes was expected; got '
            f'{len(cells)}.'
        )
    for name, cell in zip(names, cells):
        if cell.strip() not in VALUES:
            raise ValueError(f'{where}: {name} must be 0 or 1, or -1 or 1; got {cell!r}.')
    return [VALUES[cell.strip()] for cell in cells]


def _plain(name: str) -> str:
    return unicodedata.normalize('NFC', name)
