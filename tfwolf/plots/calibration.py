"""Whether v is standard normal: quantiles, and the correlation of neighbors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tfwolf.plots.arrays import finite_vector
from tfwolf.plots.style import GREY, HEIGHT, charts, look, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Height of a row of a legend in inches, and what is above it in sizes of its font: ticks, label.
LEGEND_ROW, BELOW = 0.16, 4.2


@styled
def calibration_of_v(
    normal_quantiles: np.ndarray,
    quantiles: Mapping[str, np.ndarray],
    correlations: Mapping[str, np.ndarray],
) -> Figure:
    """Return quantiles of v against those of N(0, 1), and the correlation of v in space.

    The left chart has a line per level minus the diagonal's, so that deviations show: above 0 in
    the right half and below 0 in the left, tails are heavier than normal. The right chart has the
    correlation of an element with the one `lag` pixels to the right (solid marker) and below
    (hollow marker); 0 means that nothing linear is left.

    Args:
        normal_quantiles: `[num_probabilities]`, quantiles of N(0, 1).
        quantiles: `{level: [num_probabilities]}`, of v at the same probabilities.
        correlations: `{level: [max_lag + 1, 2 max_lag + 1]}`, see
            `evaluation.calibration.spatial_correlation`; NaN where a level has no such pair.

    Raises:
        ValueError: if shapes do not fit, or a quantile is not finite.
    """
    normal_quantiles = finite_vector('normal_quantiles', normal_quantiles)
    rows = len(quantiles)
    figure, (left, right) = charts(1, 2, height=HEIGHT + LEGEND_ROW * rows)
    left.axhline(0, color='black', linewidth=1)
    right.axhline(0, color='black', linewidth=1)
    for number, (level, values) in enumerate(quantiles.items()):
        values = finite_vector(f'quantiles of {level}', values, len(normal_quantiles))
        line = look(number)
        left.plot(
            normal_quantiles,
            values - normal_quantiles,
            linestyle=line.dashes,
            color=line.color,
            label=level,
        )
    for number, (level, correlation) in enumerate(correlations.items()):
        line, center = look(number), _center(level, correlation)
        for name, along in (
            ('right', correlation[0, center + 1 :]),
            ('below', correlation[1:, center]),
        ):
            lags = np.arange(1, len(along) + 1)
            known = np.isfinite(along)
            right.plot(
                lags[known],
                along[known],
                linestyle=line.dashes,
                color=line.color,
                marker=line.marker,
                markerfacecolor=line.color if name == 'right' else 'white',
                label=f'{level}, {name}',
                linewidth=1,
            )
    left.set(
        xlabel='quantile of N(0, 1)',
        ylabel='quantile of v − that of N(0, 1)',
        title='Values of v',
    )
    right.set(xlabel='lag (pixels of v)', ylabel='correlation', title='Neighbors in v')
    right.set_xticks(
        range(1, 1 + max((len(part) - 1 for part in correlations.values()), default=1))
    )
    # Below the charts, since lines may reach any corner.
    for axis in (left, right):
        axis.legend(loc='upper center', bbox_to_anchor=(0.5, 0), borderaxespad=BELOW, ncols=2)
    return figure


@styled
def correlation_maps(correlations: Mapping[str, np.ndarray]) -> Figure:
    """Return the correlation of v with v shifted by (dx, dy), a map for each level.

    White is 0. The center, which is 1 by definition, is left out, and so are shifts without pairs;
    both are grey.

    Args:
        correlations: as in `calibration_of_v`.

    Raises:
        ValueError: if there is none, or a shape does not fit.
    """
    if not correlations:
        raise ValueError('`correlations` must have at least one level; got none.')
    maps = {}
    for level, half in correlations.items():
        center = _center(level, half)
        # The correlation of a shift is that of the opposite shift.
        whole = np.concatenate([half[:0:-1, ::-1], half])
        whole[center, :center] = whole[center, : -center - 1 : -1]
        whole[center, center] = np.nan
        maps[level] = whole
    known = np.concatenate([whole[np.isfinite(whole)] for whole in maps.values()])
    most = max(0.02, float(np.abs(known).max())) if len(known) else 0.02
    figure, axes = charts(1, len(maps), width=2.9, height=2.7)
    for axis, (level, whole) in zip(axes, maps.items()):
        lag = len(whole) // 2 + 0.5
        # Light against dark in grey, too: the sign is written where it matters, in the scale.
        image = axis.imshow(
            whole, cmap='PuOr', vmin=-most, vmax=most, extent=(-lag, lag, lag, -lag)
        )
        axis.set_facecolor(GREY)
        axis.grid(visible=False)
        axis.set(title=level, xlabel='dx (pixels)', ylabel='dy (pixels)')
    figure.colorbar(image, ax=axes, label='correlation', shrink=0.85)
    return figure


def _center(level, correlation):
    """Return the column of shift 0 of a map; check the shape."""
    lag = len(correlation) - 1
    if np.ndim(correlation) != 2 or np.shape(correlation)[1] != 2 * lag + 1 or lag < 1:
        raise ValueError(
            f'`correlations` of {level} must be [max_lag + 1, 2 max_lag + 1]; got shape '
            f'{np.shape(correlation)}.'
        )
    return lag
