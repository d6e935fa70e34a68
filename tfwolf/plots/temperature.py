"""Samples over temperature: bits per dimension, roughness and the share that is not finite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing

from tfwolf.core import validate
from tfwolf.plots.arrays import finite_vector, vector
from tfwolf.plots.style import BLUE, RED, charts, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def quality_over_temperature(
    temperatures: np.typing.ArrayLike,
    samples_bits: np.typing.ArrayLike,
    samples_variation: np.typing.ArrayLike,
    images_bits: float,
    images_variation: float,
) -> Figure:
    """Return bits/dim and total variation of samples over the temperature, with those of images.

    Neither needs another network. Bits/dim far from those of test images are samples that the model
    itself finds unusual or too simple. Total variation, the mean absolute difference of neighboring
    pixels, says whether samples are smoother or rougher than images.

    Args:
        temperatures: `[num_temperatures]`.
        samples_bits: `[num_temperatures, 3]`: 10 % quantile, median and 90 % quantile.
        samples_variation: `[num_temperatures, 3]`, likewise, of the total variation in 0..255.
        images_bits, images_variation: medians of test images.

    Raises:
        ValueError: if shapes do not fit.
    """
    temperatures = finite_vector('temperatures', temperatures)
    figure, axes = charts(1, 2)
    for axis, name, values, of_images, label in (
        (axes[0], 'samples_bits', samples_bits, images_bits, 'bits/dim'),
        (
            axes[1],
            'samples_variation',
            samples_variation,
            images_variation,
            'total variation (of 255, per pixel)',
        ),
    ):
        values = np.asarray(values, np.float64)
        if values.shape != (len(temperatures), 3):
            raise ValueError(
                f'`{name}` must be [{len(temperatures)}, 3]; got shape {values.shape}.'
            )
        low, middle, high = values.T
        axis.fill_between(
            temperatures, low, high, color=BLUE, alpha=0.25, linewidth=0, label='10 to 90 %'
        )
        axis.plot(temperatures, middle, '-o', color=BLUE, label='median of samples')
        axis.axhline(of_images, color=RED, linestyle='--', label='median of test images')
        axis.set(xlabel='temperature T of z and v', ylabel=label)
        axis.legend()
    return figure


@styled
def non_finite_share(
    temperatures: np.typing.ArrayLike, shares: np.typing.ArrayLike, num_samples: int
) -> Figure:
    """Return the share of samples that are not finite by temperature, with 95 % intervals.

    Args:
        temperatures: `[num_temperatures]`.
        shares: `[num_temperatures]`, in [0, 1].
        num_samples: samples per temperature, of which the intervals are.

    Raises:
        ValueError: if lengths differ, or a share is not in [0, 1].
    """
    temperatures = finite_vector('temperatures', temperatures)
    shares = vector('shares', shares, len(temperatures))
    validate.integer('num_samples', num_samples, minimum=1)
    if not ((shares >= 0) & (shares <= 1)).all():
        raise ValueError(f'`shares` must be in [0, 1]; got {shares.tolist()}.')
    low, high = wilson_interval(shares, num_samples)
    figure, (axis,) = charts()
    axis.errorbar(
        temperatures,
        100 * shares,
        yerr=100 * np.maximum([shares - low, high - shares], 0),
        fmt='-o',
        color=BLUE,
        capsize=3,
    )
    axis.set(
        xlabel='temperature T of z and v',
        ylabel='samples that are not finite (%)',
        title=f'{num_samples:,} samples per temperature',
    )
    axis.set_ylim(bottom=-0.02 * float(100 * high.max()), top=105 * float(high.max()))
    return figure


def wilson_interval(
    shares: np.ndarray, count: int, deviations: float = 1.959964
) -> tuple[np.ndarray, np.ndarray]:
    """Return the bounds of Wilson's interval of a share, of sensible width also at 0 and 1.

    Args:
        shares: `[n]`, in [0, 1].
        count: number of trials.
        deviations: quantile of the normal distribution, of the 95 % interval by default.

    Reference: Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    square = deviations**2 / count
    center = (shares + square / 2) / (1 + square)
    half = deviations * np.sqrt(shares * (1 - shares) / count + square / (4 * count)) / (1 + square)
    return np.maximum(center - half, 0), np.minimum(center + half, 1)
