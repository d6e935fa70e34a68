"""Pictures within a page: the bytes of their files, and the size in which they are shown."""

from __future__ import annotations

import base64
import os
import xml.etree.ElementTree
from typing import NamedTuple

# CSS pixels of a unit in which SVG files give their size.
UNITS = {'pt': 4 / 3, 'px': 1.0}


class Embedded(NamedTuple):
    """A picture in a page.

    Attributes:
        source: its bytes as a `data:` address.
        width, height: in CSS pixels.
        caption: for people.
        kind: 'svg' or 'pixels'.
    """

    source: str
    width: int
    height: int
    caption: str
    kind: str


def embedded(path: str | os.PathLike, caption: str) -> Embedded:
    """Return the `Embedded` picture of a file.

    Args:
        path: of a PNG, SVG, GIF or WebP file.
        caption: for people.

    Raises:
        ValueError: if an SVG file has no size in pt or px.
    """
    with open(path, 'rb') as file:
        data = base64.b64encode(file.read()).decode()
    ending = os.path.splitext(path)[1][1:]
    if ending == 'svg':
        root = xml.etree.ElementTree.parse(path).getroot()
        width, height = (_pixels(path, root.get(name, '')) for name in ('width', 'height'))
        return Embedded(f'data:image/svg+xml;base64,{data}', width, height, caption, 'svg')
    from PIL import Image

    with Image.open(path) as picture:
        width, height = picture.size
    return Embedded(f'data:image/{ending};base64,{data}', width, height, caption, 'pixels')


def _pixels(path: str | os.PathLike, length: str) -> int:
    """Return a length such as '331.2pt' in CSS pixels."""
    number, unit = length[:-2], length[-2:]
    try:
        return round(float(number) * UNITS[unit])
    except (ValueError, KeyError):
        raise ValueError(
            f'{os.fspath(path)} must have a width and a height in pt or px; got {length!r}.'
        ) from None
