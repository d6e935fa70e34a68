"""The gin files that are shipped: where they are, and what their headers say."""

from __future__ import annotations

import os
import pathlib
import re
from typing import NamedTuple

from tfwolf.core.messages import did_you_mean
from tfwolf.core.paths import expanded

# In a clone this is a link to the folder gin/ next to the package.
SHIPPED = pathlib.Path(__file__).resolve().parents[1] / 'gin'
_SAVE = "Save it again in this encoding (your editor's `Save as`)."


class Header(NamedTuple):
    """What the header of an experiment says.

    Attributes:
        name: of the experiment.
        title: what it trains.
        parameters: their number as text, such as '51,860,457', or ''.
        data: source of the images, such as 'tfds:cifar10'.
        paper: the number in the paper, or ''.
        measured: what was measured with this code, or ''.
    """

    name: str
    title: str
    parameters: str
    data: str
    paper: str
    measured: str


def find_gin_file(name: str | os.PathLike) -> str:
    """Return the path of a gin file: `name` itself, or the shipped file of that name.

    Args:
        name: path, or name of a shipped file with or without '.gin' and 'gin/'.

    Raises:
        ValueError: if there is none.
    """
    name = expanded(name)
    inside = name.removeprefix('gin/')
    candidates = [
        pathlib.Path(name),
        SHIPPED / inside,
        SHIPPED / f'{inside}.gin',
    ]
    found = next((path for path in candidates if path.is_file()), None)
    if found is None:
        raise ValueError(
            f'There is no gin file {name!r} (working directory: {os.getcwd()}), and no shipped '
            f'experiment has that name.{did_you_mean(pathlib.Path(name).stem, experiment_names())}'
        )
    return str(found)


def read_gin_text(path: str | os.PathLike) -> str:
    """Return the text of a gin file, without a byte-order mark.

    Raises:
        ValueError: naming the line, if it is not encoded in UTF-8.
    """
    data = pathlib.Path(path).read_bytes()
    if b'\0' in data:
        raise ValueError(f'{path}, line 1: the file must be UTF-8 text; is it UTF-16? {_SAVE}')
    try:
        text = data.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        line = data.count(b'\n', 0, error.start) + 1
        raise ValueError(
            f'{path}, line {line}: the file must be UTF-8 text; the byte '
            f'0x{data[error.start]:02x} is not. {_SAVE}'
        ) from error
    return text.replace('\r\n', '\n').replace('\r', '\n')


def experiment_names() -> list[str]:
    """Return the names of the shipped experiments, in alphabetical order."""
    return sorted(path.stem for path in SHIPPED.glob('*.gin'))


def read_header(name: str) -> Header:
    """Return the `Header` of a shipped experiment.

    Raises:
        ValueError: if there is no such experiment.
    """
    path = pathlib.Path(find_gin_file(name))
    text = path.read_text(encoding='utf-8')
    comment = [line.removeprefix('#').strip() for line in text.split('include')[0].splitlines()]
    first = re.match(r'(.*?)(?:: ([\d,]+) parameters)?\.?$', comment[0])
    said = next((line for line in comment if line.startswith('Paper:')), '')
    paper, _, measured = said.removeprefix('Paper:').strip().partition(' Measured')
    return Header(
        path.stem,
        first[1] if first else comment[0],
        (first[2] if first else '') or '',
        _source(path) or '',
        paper.rstrip('.') if re.search(r'\d', paper) else '',
        measured.partition(': ')[2].rstrip('.'),
    )


def _source(path: pathlib.Path) -> str | None:
    """Return the source of images that a gin file or what it includes binds; the last one wins."""
    found = None
    for line in path.read_text(encoding='utf-8').splitlines():
        if included := re.match(r"include '(.*)'", line):
            found = _source(SHIPPED / included[1]) or found
        elif bound := re.match(r"dataset\.source = '(.*)'", line):
            found = bound[1]
    return found
