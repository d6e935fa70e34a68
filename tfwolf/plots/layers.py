"""Invertibility along the depth of the flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing

from tfwolf.plots.arrays import vector
from tfwolf.plots.style import GREY, HEIGHT, charts, look, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# float32 cannot invert more exactly than this.
ROUNDING = 2.0**-24


@styled
def invertibility_by_layer(
    kinds: Sequence[str],
    round_trip_error: np.typing.ArrayLike,
    inverse_gain: np.typing.ArrayLike,
) -> Figure:
    """Return the round-trip error and the inverse gain of each layer, in the order of the flow.

    Each kind of layer has a marker. A value that is not finite is a cross at the upper edge. Exact
    layers, of error 0, are at the lower edge.

    Args:
        kinds: class of each layer, `[num_layers]`.
        round_trip_error, inverse_gain: `[num_layers]`, see `evaluation.invertibility`.

    Raises:
        ValueError: if lengths differ.
    """
    error = vector('round_trip_error', round_trip_error, len(kinds))
    gain = vector('inverse_gain', inverse_gain, len(kinds))
    depth = np.arange(1, len(kinds) + 1)
    from matplotlib.ticker import LogFormatter

    figure, axes = charts(2, 1, width=7.6, height=HEIGHT * 0.85)
    for axis, values, name, floor in (
        (axes[0], error, 'round-trip error (of x in [-1, 1])', ROUNDING / 4),
        (axes[1], gain, 'inverse gain', None),
    ):
        finite = np.isfinite(values)
        shown = values if floor is None else np.maximum(values, floor)
        top = float(shown[finite].max()) * 3 if finite.any() else 1.0
        axis.plot(depth[finite], shown[finite], color=GREY, linewidth=0.7, zorder=1)
        for number, kind in enumerate(dict.fromkeys(kinds)):
            chosen = finite & np.array([other == kind for other in kinds])
            line = look(number)
            axis.plot(
                depth[chosen],
                shown[chosen],
                linestyle='none',
                marker=line.marker,
                color=line.color,
                label=kind,
            )
        if not finite.all():
            axis.plot(
                depth[~finite],
                np.full((~finite).sum(), top),
                'x',
                color='black',
                markersize=8,
                label='not finite',
            )
        axis.set_yscale('log')
        axis.set(ylabel=name)
        axis.set_xlim(0, len(kinds) + 1)
    # Gains are often within one decade, where powers of ten alone say little.
    for set_formatter in (axes[1].yaxis.set_major_formatter, axes[1].yaxis.set_minor_formatter):
        set_formatter(LogFormatter(minor_thresholds=(1, 0.5)))
    axes[1].axhline(1, color='black', linestyle='--', linewidth=0.8)
    axes[1].set_xlabel('layer, from the image to v')
    axes[0].legend(loc='lower left', bbox_to_anchor=(0, 1.0), ncols=4)
    return figure
