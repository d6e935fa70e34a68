"""Charts of scores of unusual images, and heat maps of where images are unusual."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing

from tfwolf.pictures.grids import to_rgb
from tfwolf.plots.arrays import finite_vector
from tfwolf.plots.likelihoods import num_bins
from tfwolf.plots.style import COLORS, HATCHES, WIDTH, charts, styled
from tfwolf.plots.text_size import wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Between these quantiles of all maps lie the colors.
COLOR_QUANTILES = (0.02, 0.99)
# The quantile of all scores from which on they are in the last bar.
LAST_BAR = 0.99
# Points, of the names of axes.
FONT_SIZE = 9.0
# Share of the heat in a picture; the rest is the image in grey.
OPACITY = 0.6


@styled
def score_histograms(
    scores: Mapping[str, Mapping[str, np.typing.ArrayLike]], titles: Mapping[str, str]
) -> Figure:
    """Return one histogram for each score, of all sets of images.

    Scores above the quantile `LAST_BAR` are in the last bar.

    Args:
        scores: `{score: {name of the set: values [num_images]}}`.
        titles: text under the axis of each score.

    Raises:
        ValueError: if there are no scores, or a value is not finite.
    """
    if not scores:
        raise ValueError('`scores` must have at least one score; got none.')
    figure, axes = charts(len(scores), 1, height=2.4)
    for axis, (score, sets) in zip(axes, scores.items()):
        values = {name: finite_vector(score, found) for name, found in sets.items()}
        together = np.concatenate(list(values.values()))
        # Few extreme scores would leave one bar for all others; they count in the last bar.
        together = np.minimum(together, np.quantile(together, LAST_BAR))
        edges = np.histogram_bin_edges(together, num_bins(len(together))).tolist()
        for number, (name, found) in enumerate(values.items()):
            color = COLORS[number % len(COLORS)]
            axis.hist(
                np.minimum(found, edges[-1]),
                edges,
                density=True,
                histtype='stepfilled',
                facecolor=(color, 0.35),
                edgecolor=color,
                hatch=HATCHES[number % len(HATCHES)],
                linewidth=1.2,
                label=f'{name} ({len(found):,})',
            )
        axis.set(xlabel=wrapped(titles[score], FONT_SIZE, 72 * WIDTH), ylabel='density')
    # Above the bars, which may reach any corner.
    axes[0].legend(loc='lower left', bbox_to_anchor=(0, 1.0))
    return figure


def color_range(maps: np.ndarray) -> tuple[float, float]:
    """Return the values with the first and last color for maps of any shape."""
    finite = maps[np.isfinite(maps)]
    if not len(finite):
        return 0.0, 1.0
    low, high = np.quantile(finite, COLOR_QUANTILES)
    return float(low), float(max(high, low + 1e-12))


def heat_over_images(
    images: np.ndarray, maps: np.ndarray, limits: tuple[float, float]
) -> np.ndarray:
    """Return images in grey with a map in color over them, uint8 `[n, height, width, 3]`.

    Args:
        images: uint8 `[n, height, width, channels]`.
        maps: `[n, height, width]`; a value that is not finite has the last color.
        limits: values with the first and the last color, see `color_range`.
    """
    import matplotlib

    low, high = limits
    heat = np.clip(
        (np.nan_to_num(maps, nan=high, posinf=high, neginf=low) - low) / (high - low), 0, 1
    )
    colors = matplotlib.colormaps['inferno'](heat)[..., :3]
    grey = to_rgb(images).mean(axis=-1, keepdims=True) / 255
    return np.rint(255 * (OPACITY * colors + (1 - OPACITY) * grey)).astype(np.uint8)
