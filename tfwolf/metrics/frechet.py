"""The Frechet distance between two sets of features, as normal distributions (Heusel et al., 2017).

It is computed from the mean and the covariance of each set.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Moments(NamedTuple):
    """Mean and covariance of features.

    Attributes:
        count: number of images.
        mean: float64 `[dim]`.
        covariance: float64 `[dim, dim]`, normalized by `count - 1`.
    """

    count: int
    mean: np.ndarray
    covariance: np.ndarray


class RunningMoments:
    """Accumulates the `Moments` of features batch by batch, in float64, without storing features.

    A batch of n with mean m and scatter S joins N, M, T by M' = M + (m - M) n / (N + n) and T' = T
    + S + (m - M)(m - M)^T N n / (N + n), which does not cancel as a sum of squares would (Chan,
    Golub and LeVeque, 1979).
    """

    def __init__(self) -> None:
        self._count: int = 0
        # Set by the first batch.
        self._mean, self._scatter = np.zeros(0), np.zeros((0, 0))

    def add(self, features: np.ndarray) -> None:
        """Add features, `[num_images, dim]`.

        Raises:
            ValueError: if their shape does not match the features before, or one is not finite.
        """
        features = np.asarray(features, np.float64)
        if (
            features.ndim != 2
            or not len(features)
            or (self._count and features.shape[1] != len(self._mean))
        ):
            raise ValueError(
                f'`features` must be [num_images, {len(self._mean) if self._count else "dim"}] of '
                f'at least one image; got {features.shape}.'
            )
        if not np.isfinite(features).all():
            raise ValueError(
                '`features` has values that are not finite, in '
                f'{int((~np.isfinite(features).all(axis=1)).sum())} of {len(features)} images.'
            )
        mean = features.mean(axis=0)
        centered = features - mean
        scatter, count = centered.T @ centered, len(features)
        if self._count:
            difference, total = mean - self._mean, self._count + count
            scatter = (
                self._scatter
                + scatter
                + np.outer(difference, difference) * (self._count * count / total)
            )
            mean = self._mean + difference * (count / total)
            count = total
        self._count, self._mean, self._scatter = count, mean, scatter

    def moments(self) -> Moments:
        """Return the `Moments` of all features so far.

        Raises:
            ValueError: if there were fewer than two images.
        """
        if self._count < 2:
            raise ValueError(f'A covariance needs at least two images; got {self._count}.')
        return Moments(self._count, self._mean, self._scatter / (self._count - 1))


def frechet_distance(first: Moments, second: Moments) -> float:
    """Return |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), 0 for equal moments.

    This is the squared distance of two normal distributions. tr (C1 C2)^(1/2) is computed as the
    sum of the singular values of C1^(1/2) C2^(1/2), which is real despite rounding, and correct
    also for singular covariances, which fewer images than features have.

    Args:
        first, second: `Moments` of features of the same extractor.

    Raises:
        ValueError: if the numbers of features differ.

    Reference: Dowson and Landau, "The Frechet distance between multivariate normal distributions",
        1982; Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
        Equilibrium", 2017, arXiv:1706.08500, equation 6.
    """
    if first.mean.shape != second.mean.shape:
        raise ValueError(
            '`first` and `second` must have the same number of features; got '
            f'{len(first.mean)} and {len(second.mean)}.'
        )
    difference = first.mean - second.mean
    cross = np.linalg.svd(
        _square_root(first.covariance) @ _square_root(second.covariance), compute_uv=False
    ).sum()
    distance = (
        difference @ difference
        + np.trace(first.covariance)
        + np.trace(second.covariance)
        - 2 * cross
    )
    # Rounding can make the distance of two equal distributions negative.
    return float(max(distance, 0.0))


def frechet_distance_of_features(first: np.ndarray, second: np.ndarray) -> float:
    """Return the `frechet_distance` of two sets of features, for fewer images than features.

    With centered features X1, X2 the singular values of C1^(1/2) C2^(1/2) are those of X1 X2^T
    divided by ((n1 - 1)(n2 - 1))^(1/2), an `[n1, n2]` matrix, so that no covariance is needed.

    Args:
        first, second: `[n1, dim]` and `[n2, dim]`, at least two rows each.

    Raises:
        ValueError: if the numbers of features differ, or a set has fewer than two rows.
    """
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise ValueError(
            '`first` and `second` must be [num_images, dim] of the same dim; got '
            f'{list(first.shape)} and {list(second.shape)}.'
        )
    if min(len(first), len(second)) < 2:
        raise ValueError(
            f'A covariance needs at least two images; got {len(first)} and {len(second)}.'
        )
    means = [features.mean(axis=0) for features in (first, second)]
    one, two = (
        (features - mean) / np.sqrt(len(features) - 1)
        for features, mean in zip((first, second), means)
    )
    difference = means[0] - means[1]
    cross = np.linalg.svd(one @ two.T, compute_uv=False).sum()
    distance = difference @ difference + np.square(one).sum() + np.square(two).sum() - 2 * cross
    return float(max(distance, 0.0))


def _square_root(covariance: np.ndarray) -> np.ndarray:
    """Return the symmetric square root of a positive semidefinite matrix."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    # An eigenvalue of zero with a rounding error would have a root eight digits larger.
    values = np.where(values > np.finfo(np.float64).eps * len(values) * values[-1], values, 0)
    return (vectors * np.sqrt(values)) @ vectors.T
