"""The report as one HTML file with embedded pictures, which loads nothing from a network."""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tfwolf.report.embedding import embedded


class Row(NamedTuple):
    """A row of a table, as texts.

    Attributes:
        name: quantity.
        here: value measured here.
        paper: value reported by the paper; '' if there is none.
    """

    name: str
    here: str
    paper: str = ''


class Part(NamedTuple):
    """A section of the page.

    Attributes:
        title: title of the section.
        explanation: what the section shows, in a sentence or two.
        command: command that makes the results again.
        rows: `Row`s of a table.
        pictures: pairs (path of a PNG, SVG, GIF or WebP file, caption).
        notes: sentences below, for example on what a number may be compared with.
        seconds: time to make the results, or None if it is unknown.
        problem: why there are no results, or None.
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


class Summary(NamedTuple):
    """The first screen.

    Attributes:
        pictures: as in `Part`.
        rows: `Row`s; `paper` says so where the paper has no number for what was measured.
    """

    pictures: Sequence[tuple[str, str]]
    rows: Sequence[Row]


def page(
    title: str,
    facts: Mapping[str, str],
    parts: Sequence[Part],
    configuration: str,
    summary: Summary = Summary((), ()),
) -> str:
    """Return the page as HTML text, including all pictures.

    Args:
        title: title of the page.
        facts: `{name: text}`, what the page was made from.
        parts: the sections.
        configuration: text of the run's configuration.
        summary: the `Summary` above them.
    """
    import jinja2

    template = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    ).from_string(
        importlib.resources.files('tfwolf.report').joinpath('page.html').read_text(encoding='utf-8')
    )
    shown = [
        {
            **part._asdict(),
            'has_paper': part.has_paper,
            'pictures': [embedded(*picture) for picture in part.pictures],
        }
        for part in parts
    ]
    return template.render(
        title=title,
        facts=facts,
        parts=shown,
        configuration=configuration,
        summary={
            'rows': summary.rows,
            'pictures': [embedded(*picture) for picture in summary.pictures],
        },
    )
