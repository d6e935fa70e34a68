"""The table of a comparison of runs, as text and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfwolf.runs.comparison import RunSummary

HEADINGS = (
    'run',
    'steps',
    'parameters',
    'last',
    'best (at step)',
    'held out',
    'of',
    'KL nats',
    'images/s',
)
LEGEND = (
    'last, best: bits/dim of validation images. held out: bits/dim of the last `tfwolf evaluate`, '
    'of the images in the next column,\nwith K draws of the noise. Runs under different headings '
    'are of different images, bits, noise or condition: do not compare their bits/dim.'
)


def as_text(groups: Mapping[str, Sequence[RunSummary]]) -> str:
    """Return the tables as lines, each under its heading.

    Args:
        groups: as from `runs.comparison.compared`.
    """
    rows = {
        heading: [_cells(found.name, found.values) for found in group]
        for heading, group in groups.items()
    }
    table = [HEADINGS, *(row for group in rows.values() for row in group)]
    widths = [max(map(len, column)) for column in zip(*table)]

    def line(cells: Sequence[str]) -> str:
        name, *numbers = (
            cell.ljust(width) if number == 0 else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(cells, widths))
        )
        return '  '.join([name, *numbers])

    lines = []
    for heading, group in rows.items():
        lines += [heading, line(HEADINGS), *map(line, group), '']
    return '\n'.join([*lines, LEGEND])


def as_csv(groups: Mapping[str, Sequence[RunSummary]]) -> str:
    """Return all runs as CSV: the heading of their group, their name and their values.

    Args:
        groups: as from `runs.comparison.compared`.
    """
    summaries = [(heading, found) for heading, group in groups.items() for found in group]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator='\n')
    writer.writerow(['bits_per_dim_of', 'run', *summaries[0][1].values])
    for heading, found in summaries:
        values = ('' if value is None else value for value in found.values.values())
        writer.writerow([heading, found.name, *values])
    return file.getvalue()


def _cells(name: str, values: Mapping[str, Any]) -> list[str]:
    def number(key: str, form: str) -> str:
        return '-' if values[key] is None else format(values[key], form)

    best, held_out, of = number('best_validation', '.3f'), number('held_out', '.3f'), '-'
    if values['best_step'] is not None:
        best += f' ({values["best_step"]:,})'
    if values['held_out'] is not None:
        if values['held_out_stderr'] is not None:
            held_out += f' ± {values["held_out_stderr"]:.3f}'
        of = (
            f'{number("held_out_images", ",")} {values["held_out_split"]}, '
            f'K={values["held_out_draws"]}, {values["held_out_checkpoint"]}'
        )
    return [
        name,
        number('steps', ','),
        number('parameters', ','),
        number('last_validation', '.3f'),
        best,
        held_out,
        of,
        number('kl_nats', '.2f'),
        number('images_per_second', '.1f'),
    ]
