"""One page of pictures and numbers in one file, which needs nothing else and no network to be read."""

from __future__ import annotations

import base64
import importlib.resources
import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """A line of a table: what it is, what was measured here, and what the paper reports ('' where
    it reports nothing), as texts.
    """

    name: str
    here: str
    paper: str = ''


class Part(NamedTuple):
    """A section of the page.

    Attributes:
        title: of the section.
        explanation: what there is to see, in a sentence or two.
        command: the command that makes it again.
        rows: a `Row` each.
        pictures: `(path of a PNG, GIF or WebP file, caption)` each.
        notes: sentences below, such as what a number may be compared with.
        seconds: how long it took to make, or None where that is not known.
        problem: why there is nothing, or None.
    """

    title: str
    explanation: str
    command: str
    rows: Sequence[Row] = ()
    pictures: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()
    seconds: float | None = None
    problem: str | None = None

    @property
    def has_paper(self) -> bool:
        """Whether the paper reports a number for any of the rows."""
        return any(row.paper for row in self.rows)


def page(title: str, facts: Mapping[str, str], parts: Sequence[Part], configuration: str) -> str:
    """Returns a page as HTML text with everything in it, pictures included.

    Args:
        title: of the page.
        facts: `{name: text}`, the table at its top.
        parts: a `Part` each.
        configuration: text of the run's configuration.
    """
    import jinja2

    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        importlib.resources.files(__package__).joinpath('page.html').read_text(encoding='utf-8')
    )
    shown = [
        {
            **part._asdict(),
            'has_paper': part.has_paper,
            'pictures': [_embedded(*picture) for picture in part.pictures],
        }
        for part in parts
    ]
    return template.render(title=title, facts=facts, parts=shown, configuration=configuration)


def _embedded(path, caption):
    from PIL import Image

    with open(path, 'rb') as file:
        data = base64.b64encode(file.read()).decode()
    with Image.open(path) as picture:
        width, height = picture.size
    return {
        'source': f'data:image/{os.path.splitext(path)[1][1:]};base64,{data}',
        'width': width,
        'height': height,
        'caption': caption,
    }
