"""Learning curves of a run with its terms apart, and of several runs in one chart."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tfwolf.plots.arrays import vector
from tfwolf.plots.style import BLUE, RED, charts, look, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# `{metric: values}` of a split with 'step' among them, as `training.curves.read_curves` returns.
Table = Mapping[str, np.ndarray]
PANELS = {
    'bits_per_dim': 'bits/dim',
    # Of continuous values.
    'nats_per_dim': 'nats/dim',
    'kl_nats': 'KL of z (nats)',
    'reconstruction_nats': '-log p(x|z) (nats)',
    'dequantizer_nats': 'log q(u|x) of the dequantizer (nats)',
}
# Characters of a line of the title of a chart of several runs.
TITLE_WIDTH = 60
# Early steps are far above all others; the axis of bits/dim shows the rest.
SHOWN_QUANTILE = 0.97


@styled
def learning_curves(train: Table, validation: Table | None = None) -> Figure:
    """Return a chart of each term of the bound against the training step.

    Training is a thin solid line, validation a dashed line with markers. Terms that neither has, or
    that are 0 throughout (no z, uniform noise), have no chart.

    Args:
        train, validation: `{metric: [num_rows]}` with 'step' and some of `PANELS`; NaN where a row
            has no value.

    Raises:
        ValueError: if none of the metrics has a value, or lengths differ.
    """
    splits = {'training': train, 'validation': validation or {}}
    found = {
        metric: {split: points(table, metric) for split, table in splits.items()}
        for metric in PANELS
    }
    shown = {
        metric: lines
        for metric, lines in found.items()
        if any(np.any(values) for _, values in lines.values())
    }
    if not shown:
        raise ValueError(
            f'`train` must have values of one of {", ".join(PANELS)}; got {sorted(train)}.'
        )
    columns = min(2, len(shown))
    figure, axes = charts(-(-len(shown) // columns), columns)
    for axis in axes[len(shown) :]:
        axis.remove()
    for axis, (metric, lines) in zip(axes, shown.items()):
        for split, (steps, values) in lines.items():
            if not len(steps):
                continue
            if split == 'training':
                axis.plot(steps, values, '-', color=BLUE, linewidth=1.0, label=split)
            else:
                axis.plot(steps, values, '--', color=RED, marker='o', label=split)
        axis.set(xlabel='training step', ylabel=PANELS[metric])
        _focus(axis, [values for _, values in lines.values()])
        axis.legend()
    return figure


@styled
def compared_curves(groups: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]]) -> Figure:
    """Return a chart of bits/dim against the step for each group of runs that may be compared.

    Args:
        groups: `{what bits/dim are of: {run: (steps, bits/dim)}}`. Runs of different groups have
            no common chart, since their bits/dim mean different things.

    Raises:
        ValueError: if there is no run.
    """
    if not any(groups.values()):
        raise ValueError(f'`groups` must have at least one run; got {dict(groups)}.')
    figure, axes = charts(1, len(groups), width=5.4, height=3.6)
    number = 0
    for axis, (title, runs) in zip(axes, groups.items()):
        for name, (steps, values) in runs.items():
            steps = vector('steps', steps)
            values = vector('values', values, len(steps))
            line = look(number)
            axis.plot(
                steps,
                values,
                linestyle=line.dashes,
                color=line.color,
                marker=line.marker if len(steps) <= 60 else None,
                label=name,
            )
            number += 1
        axis.set(xlabel='training step', ylabel='bits/dim')
        axis.set_title(textwrap.fill(title, TITLE_WIDTH))
        _focus(axis, [values for _, values in runs.values()])
        axis.legend()
    return figure


def points(table: Table, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Return (steps, values) of the rows of a table in which a metric is finite.

    Raises:
        ValueError: if the metric has another length than 'step'.
    """
    if metric not in table or not len(table['step']):
        return np.empty(0), np.empty(0)
    steps = vector('step', table['step'])
    values = vector(metric, table[metric], len(steps))
    return steps[np.isfinite(values)], values[np.isfinite(values)]


def _focus(axis, lines):
    """End the vertical axis above all but the largest values, those of the first steps."""
    values = np.concatenate([np.asarray(line, np.float64) for line in lines])
    values = values[np.isfinite(values)]
    if len(values) < 20:
        return
    low, most, top = values.min(), np.quantile(values, SHOWN_QUANTILE), values.max()
    if top - low > 2 * (most - low) > 0:
        margin = 0.06 * (most - low)
        axis.set_ylim(low - margin, most + margin)
        axis.annotate(
            f'first steps: up to {top:.4g}',
            (0, 1.01),
            xycoords='axes fraction',
            va='bottom',
            fontsize=7,
        )
