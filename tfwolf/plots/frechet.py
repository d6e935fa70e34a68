"""The Frechet distance by the number of samples, which it depends on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing

from tfwolf.plots.arrays import finite_vector
from tfwolf.plots.style import BLUE, RED, charts, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def distance_by_number(
    counts: np.typing.ArrayLike,
    of_samples: np.typing.ArrayLike,
    of_images: np.typing.ArrayLike | None,
    features: str,
) -> Figure:
    """Return the Frechet distance of the first samples to images, by the number of samples.

    Few samples give a distance that is too large. The same number of test images shows by how much:
    their distance would be 0 with any number of images.

    Args:
        counts: `[num_counts]`, numbers of samples.
        of_samples: `[num_counts]`, distance of as many samples.
        of_images: `[num_counts]`, of as many test images; NaN where there are fewer, or None.
        features: what the distance is of, for the axis.

    Raises:
        ValueError: if lengths differ, or a number is not positive.
    """
    counts = finite_vector('counts', counts)
    of_samples = finite_vector('of_samples', of_samples, len(counts))
    if counts.min() <= 0:
        raise ValueError(f'`counts` must be positive; got {counts.tolist()}.')
    figure, (axis,) = charts()
    axis.plot(counts, of_samples, '-o', color=BLUE, label='samples')
    if of_images is not None:
        of_images = np.asarray(of_images, np.float64)
        known = np.isfinite(of_images)
        axis.plot(counts[known], of_images[known], '--s', color=RED, label='test images')
    axis.set_xscale('log')
    axis.set_xticks(counts, [f'{count:,.0f}' for count in counts], minor=False)
    axis.minorticks_off()
    axis.set(xlabel='number of samples', ylabel=f'Frechet distance of {features}')
    axis.set_ylim(bottom=0)
    axis.legend()
    return figure
