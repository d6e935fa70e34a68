"""The table and the figure of `tfwolf distance`."""

from __future__ import annotations

from collections.abc import Mapping

from tfwolf.plots.distances import distances_of_sets
from tfwolf.runs.results import ResultFolder

OF_LIKELIHOODS = 'distance of likelihoods, bits/dim'
# Column of the results.
OF_PIXELS = 'frechet_distance_of_pixels'
TITLES = {OF_LIKELIHOODS: 'distance', 'Frechet distance of pixels': OF_PIXELS}
# `{name of the set: {column: value}}`.
Rows = Mapping[str, Mapping]


def table(rows: Rows, count: int, reference_bits: float) -> str:
    """Return lines for people.

    Args:
        rows: the `Rows`, at least one.
        count: number of reference images.
        reference_bits: their mean bits/dim.
    """
    with_pixels = OF_PIXELS in next(iter(rows.values()))
    lines = [
        f'Against {count:,} test images of {reference_bits:.3f} bits/dim. A distance up to the one '
        'by chance is none.',
        f'{"":<24} distance  by chance   ratio (95 % interval)'
        + '   of pixels (Frechet)' * with_pixels,
    ]
    for name, row in rows.items():
        interval = f'({row["ratio_low"]:.3f} to {row["ratio_high"]:.3f})'
        lines.append(
            f'{name:<24} {row["distance"]:8.4f}   {row["by_chance"]:8.4f}   {row["ratio"]:.3f} '
            f'{interval:<16}' + (f'{row[OF_PIXELS]:21.3f}' if with_pixels else '')
        )
    return '\n'.join(lines)


def draw(folder: ResultFolder, rows: Rows) -> None:
    """Draw the distances of all sets.

    Args:
        folder: the `ResultFolder`.
        rows: the `Rows`, at least one.
    """
    first = next(iter(rows.values()))
    folder.figure(
        'distances',
        distances_of_sets(
            list(rows),
            {
                title: [row[column] for row in rows.values()]
                for title, column in TITLES.items()
                if column in first
            },
            {OF_LIKELIHOODS: first['by_chance']},
        ),
    )
