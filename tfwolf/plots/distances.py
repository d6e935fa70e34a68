"""Distances of several sets of images from reference images, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfwolf.plots.arrays import finite_vector
from tfwolf.plots.style import BLUE, GREY, HEIGHT, charts, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Height of a line of the figure, in inches.
LINE = 0.22


@styled
def distances_of_sets(
    names: Sequence[str],
    distances: Mapping[str, Sequence[float]],
    by_chance: Mapping[str, float] | None = None,
) -> Figure:
    """Return one chart for each kind of distance, with a bar for each set of images.

    Args:
        names: of the sets, `num_sets` of them, at least one.
        distances: `{title: [num_sets]}`, at least 0.
        by_chance: `{title: distance}`, below which a distance says nothing; drawn as a line.

    Raises:
        ValueError: if there are no sets, lengths differ, or a distance is negative.
    """
    figure, axes = charts(columns=len(distances), height=max(HEIGHT, LINE * (len(names) + 3)))
    places = np.arange(len(names))
    for number, (axis, (title, values)) in enumerate(zip(axes, distances.items(), strict=True)):
        values = finite_vector(title, values, len(names))
        if values.min() < 0:
            raise ValueError(f'Distances must be at least 0; got {values.min()} ({title}).')
        axis.barh(places, values, color=BLUE, height=0.7)
        axis.set(yticks=places, ylim=(len(names) - 0.5, -0.5), xlabel=title)
        axis.set_yticklabels(names if number == 0 else [])
        axis.grid(visible=False, axis='y')
        if by_chance and title in by_chance:
            axis.axvline(by_chance[title], color=GREY, linestyle='--', label='by chance')
            axis.legend(loc='best')
    return figure
