"""The table of a trace as text for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tfwolf.benchmark.units import duration, size

LABEL_WIDTH, VALUE_WIDTH = 20, 14
MAX_ROWS, NAME_WIDTH = 25, 46

Table = Mapping[str, Any]


def trace_as_text(table: Table) -> str:
    """Return the lines of a table from `trace_table.profile`.

    Args:
        table: dict with `file` and what `trace_table.tabulate` returns.
    """
    lines = [*_steps(table)]
    lines += _times('By part of the model', table['groups'], 'group')
    kernels = 'By operation' if table['device'] is None else 'By kernel'
    lines += _times(kernels, table['kernels'], 'kernel')
    return '\n'.join(line.rstrip() for line in lines)


def _steps(table: Table) -> Iterator[str]:
    wall, busy, idle = table['step_seconds'], table['busy_seconds'], table['idle_seconds']
    yield f'Trace {table["file"]}'
    if table['device'] is None:
        yield 'It contains no GPU or TPU: times are those of operations, summed over CPU threads.'
    else:
        number = f'{table["devices"]} x ' if table['devices'] > 1 else ''
        yield f'Device {number}{table["device"]}'
    yield _row('Traced step', duration(wall), f'mean of {table["steps"]}; tracing takes time, too')
    yield _row('  busy', duration(busy), f'{100 * busy / wall:.0f} %')
    yield _row('  short gaps', duration(idle['short_gaps']), 'nothing runs for less than 10 us')
    yield _row('  long gaps', duration(idle['long_gaps']), 'nothing runs for 10 us or longer')
    yield _row('  launches', f'{table["launches"]:,.0f}', 'of kernels or operations')
    if table['copies']:
        yield 'Copies'
    for title, copies in table['copies'].items():
        amount = f'{size(copies["bytes"])} in {duration(copies["seconds"])}'
        yield _row(f'  {title}', f'{copies["count"]:,.0f}', amount)


def _times(title: str, rows: Sequence[Table], name: str) -> Iterator[str]:
    part = '  part' if name != 'group' else ''
    yield f'{title:{NAME_WIDTH}}{"time":>12}{"share":>9}{"count":>10}{part}'
    for row in rows[:MAX_ROWS]:
        yield _times_row(row[name], row) + (f'  {row["group"]}' if part else '')
    if left := rows[MAX_ROWS:]:
        sums = {key: sum(row[key] for row in left) for key in ('seconds', 'share', 'count')}
        yield _times_row(f'{len(left)} more', sums)


def _times_row(label: str, row: Table) -> str:
    width = NAME_WIDTH - 3
    if len(label) > width:
        label = f'{label[: width - 3]}...'
    return (
        f'  {label:{width}} {duration(row["seconds"]):>12}{100 * row["share"]:>7.1f} %'
        f'{row["count"]:>10,.0f}'
    )


def _row(label: str, value: str, meaning: str) -> str:
    return f'{label:{LABEL_WIDTH}}{value:>{VALUE_WIDTH}}  {meaning}'
