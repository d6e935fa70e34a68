"""Whether v is standard normal: its quantiles, and the correlation of elements in space, by level.

v of test images is as in the bound: of images with noise within the bins, and of z ~ q(z|x).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.stats

from tfwolf.analysis.compression import departures
from tfwolf.core import validate
from tfwolf.evaluation.noisy_pass import NoisyPass
from tfwolf.models.generation import Array
from tfwolf.models.wolf import Wolf

# Of the quantiles that are compared, as long as the smallest level has so many values further out.
FURTHER_OUT = 10
PROBABILITIES = (
    *(0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5),
    *(0.6, 0.7, 0.8, 0.9, 0.97, 0.99, 0.997, 0.999, 0.9999),
)


class LevelCalibration(NamedTuple):
    """Of the elements of v that leave the flow at one level.

    Attributes:
        quantiles: at `known_probabilities`, of all elements and images.
        correlation: `[max_lag + 1, 2 max_lag + 1]`, see `spatial_correlation`.
        mean, standard_deviation: 0 and 1 if v is standard normal.
    """

    quantiles: np.ndarray
    correlation: np.ndarray
    mean: float
    standard_deviation: float


class ModelCalibration(NamedTuple):
    """Of all levels of a model.

    Attributes:
        probabilities: of the quantiles, see `known_probabilities`.
        expected: the quantiles of N(0, 1) there.
        levels: `{'level 1': LevelCalibration}` and so on, from the one that leaves the flow first.
    """

    probabilities: np.ndarray
    expected: np.ndarray
    levels: dict[str, LevelCalibration]

    @property
    def quantiles(self) -> dict[str, np.ndarray]:
        """The quantiles of each level."""
        return {name: level.quantiles for name, level in self.levels.items()}

    @property
    def correlations(self) -> dict[str, np.ndarray]:
        """The correlation in space of each level."""
        return {name: level.correlation for name, level in self.levels.items()}


def calibration_of_model(model: Wolf, v: np.ndarray, most_lag: int) -> ModelCalibration:
    """Return the `ModelCalibration` of the v of images.

    Args:
        model: a `Wolf`.
        v: `[num_images, height, width, channels]`, finite, such as from `noisy_v`.
        most_lag: largest distance in pixels, at most half of a side of the images.

    Raises:
        ValueError: as `calibration`.
    """
    depth = levels(model)
    lag = min(most_lag, min(model.image_shape[:2]) // 2)
    found = calibration(v, depth, lag)
    probabilities = known_probabilities(len(v), depth)
    return ModelCalibration(
        probabilities,
        normal_quantiles(probabilities),
        {f'level {number}': level for number, level in enumerate(found, start=1)},
    )


def known_probabilities(num_images: int, depth: np.ndarray) -> np.ndarray:
    """Return those of `PROBABILITIES` whose quantiles all levels have enough values for.

    Args:
        num_images: number of images.
        depth: as in `calibration`.
    """
    probabilities = np.array(PROBABILITIES)
    fewest = num_images * np.bincount(np.ravel(depth)).min()
    enough = fewest * np.minimum(probabilities, 1 - probabilities) >= FURTHER_OUT - 1e-6
    return probabilities[enough | (probabilities == 0.5)]


def normal_quantiles(probabilities: np.ndarray) -> np.ndarray:
    """Return the quantiles of N(0, 1) at probabilities."""
    return scipy.stats.norm.ppf(probabilities)


def noisy_v(
    model: Wolf, images: Array, batch_size: int, seed: int, labels: Array | None = None
) -> np.ndarray:
    """Return v of images with noise and of z ~ q(z|x), `[num_images, height, width, channels]`.

    Arguments and errors are those of `NoisyPass`.
    """
    size = min(batch_size, max(1, len(images)))
    return NoisyPass(model, size)(images, seed, labels)[0]


def calibration(v: np.ndarray, depth: np.ndarray, max_lag: int) -> list[LevelCalibration]:
    """Return the `LevelCalibration` of each level, from the one that leaves the flow first.

    Args:
        v: `[num_images, height, width, channels]`, finite.
        depth: the level of each element, integers `[height, width, channels]`, as from
            `analysis.compression.departures`.
        max_lag: largest distance in pixels, at least 1.

    Raises:
        ValueError: if shapes do not fit, or a value is not finite.
    """
    if np.ndim(v) != 4 or np.shape(v)[1:] != np.shape(depth):
        raise ValueError(
            f'`v` must be [num_images, *{np.shape(depth)}], the shape of `depth`; got shape '
            f'{np.shape(v)}.'
        )
    broken = int((~np.isfinite(v)).any(axis=(1, 2, 3)).sum())
    if broken:
        raise ValueError(f'`v` must be finite; that of {broken} of {len(v)} images is not.')
    found, probabilities = [], known_probabilities(len(v), depth)
    for level in range(int(np.max(depth)) + 1):
        mask = depth == level
        values = np.asarray(v, np.float64)[:, mask]
        found.append(
            LevelCalibration(
                np.quantile(values, probabilities),
                spatial_correlation(v, mask, max_lag),
                float(values.mean()),
                float(values.std()),
            )
        )
    return found


def spatial_correlation(v: np.ndarray, mask: np.ndarray, max_lag: int) -> np.ndarray:
    """Return the correlation of elements of v with those of the same channel at a distance.

    Only pairs within the mask count: v has the shape of the image, and the elements of a level are
    every second (fourth, ...) pixel. The mean of a channel over images and pixels is subtracted.

    Args:
        v: `[num_images, height, width, channels]`.
        mask: bool `[height, width, channels]`, the elements of a level.
        max_lag: largest distance in pixels, at least 1 and less than height and width.

    Returns:
        `[max_lag + 1, 2 max_lag + 1]`: at [dy, max_lag + dx] the correlation with the element dy
            pixels below and dx to the right. 1 for the distance 0; NaN where there are no pairs.

    Raises:
        ValueError: if shapes do not fit, or the distance is invalid.
    """
    if np.ndim(v) != 4 or np.shape(v)[1:] != np.shape(mask):
        raise ValueError(f'`mask` must be {np.shape(v)[1:]}; got shape {np.shape(mask)}.')
    height, width, _ = np.shape(mask)
    if validate.integer('max_lag', max_lag, minimum=1) >= min(height, width):
        raise ValueError(
            f'`max_lag` must be less than {min(height, width)}, the size of the images; got '
            f'max_lag={max_lag}.'
        )
    mask = np.asarray(mask, bool)
    values = np.where(mask, np.asarray(v, np.float64), 0.0)
    in_channel = np.maximum(mask.sum(axis=(0, 1)), 1) * len(v)
    values = np.where(mask, values - values.sum(axis=(0, 1, 2)) / in_channel, 0.0)
    squares = np.square(values).sum(axis=0)
    found = np.full((max_lag + 1, 2 * max_lag + 1), np.nan)
    for dy in range(max_lag + 1):
        for dx in range(-max_lag, max_lag + 1):
            left, right = max(0, -dx), width - max(0, dx)
            here = np.s_[: height - dy, left:right]
            there = np.s_[dy:, left + dx : right + dx]
            pairs = mask[here] & mask[there]
            norm = (squares[here] * pairs).sum() * (squares[there] * pairs).sum()
            if norm > 0:
                products = values[(slice(None), *here)] * values[(slice(None), *there)]
                found[dy, max_lag + dx] = products.sum() / np.sqrt(norm)
    return found


def levels(model: Wolf) -> np.ndarray:
    """Return the level of each element of v, `[height, width, channels]`, 0 for the first to leave.

    See `analysis.compression.departures`.
    """
    return departures(model.flow, model.image_shape)
