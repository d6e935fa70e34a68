"""Accuracies of the probe as bars with intervals, beside the paper's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing

from tfwolf.plots.arrays import finite_vector
from tfwolf.plots.style import BLUE, HATCHES, ORANGE, charts, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 0.38


@styled
def probe_accuracies(
    features: Sequence[str],
    accuracies: np.typing.ArrayLike,
    intervals: np.typing.ArrayLike,
    paper: Mapping[str, float] | None = None,
    chance: float | None = None,
) -> Figure:
    """Return the accuracy of the probe by each kind of features.

    Args:
        features: names, such as 'z', 'v' and 'pixels'.
        accuracies: `[num_features]`, in [0, 1].
        intervals: `[num_features, 2]`, 95 % intervals.
        paper: accuracies of the paper by name; None or empty if it has none for these images.
        chance: accuracy of guessing, or None.

    Raises:
        ValueError: if shapes do not fit, or an accuracy is not in [0, 1].
    """
    accuracies = finite_vector('accuracies', accuracies, len(features))
    intervals = np.asarray(intervals, np.float64)
    if intervals.shape != (len(features), 2):
        raise ValueError(f'`intervals` must be [{len(features)}, 2]; got shape {intervals.shape}.')
    if not ((accuracies >= 0) & (accuracies <= 1)).all():
        raise ValueError(f'`accuracies` must be in [0, 1]; got {accuracies.tolist()}.')
    reported = {name: value for name, value in (paper or {}).items() if name in features}
    places = np.arange(len(features), dtype=np.float64)
    figure, (axis,) = charts()
    shift = WIDTH / 2 if reported else 0.0
    errors = np.abs(intervals.T - accuracies)
    axis.bar(
        places - shift,
        100 * accuracies,
        WIDTH,
        yerr=100 * errors,
        capsize=4,
        color=BLUE,
        edgecolor='black',
        linewidth=0.6,
        label='this run, with 95 % interval',
    )
    labels = list(zip(places - shift, accuracies, intervals[:, 1]))
    if reported:
        at = np.array([places[list(features).index(name)] for name in reported]) + shift
        values = np.array(list(reported.values()))
        axis.bar(
            at,
            100 * values,
            WIDTH,
            color=ORANGE,
            hatch=HATCHES[1],
            edgecolor='black',
            linewidth=0.6,
            label="Wolf's paper, table 4",
        )
        labels += list(zip(at, values, values))
    for place, value, top in labels:
        axis.annotate(
            f'{value:.1%}', (place, 100 * top), (0, 4), textcoords='offset points', ha='center'
        )
    if chance is not None:
        axis.axhline(100 * chance, color='black', linestyle=':', label=f'chance, {chance:.0%}')
    axis.set_xticks(places, list(features))
    axis.set(ylabel='accuracy (%)', ylim=(0, 112))
    axis.set_yticks(range(0, 101, 20))
    axis.grid(axis='x', visible=False)
    axis.legend(loc='lower left', bbox_to_anchor=(0, 1.0))
    return figure
