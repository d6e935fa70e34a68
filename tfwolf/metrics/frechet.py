"""The Frechet distance between the features of two sets of images, each taken as a normal
distribution (Heusel et al., 2017).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Moments(NamedTuple):
    """What a normal distribution of features is known by.

    Attributes:
        count: number of images.
        mean: float64 `[dim]`.
        covariance: float64 `[dim, dim]`, with `count - 1`.
    """

    count: int
    mean: np.ndarray
    covariance: np.ndarray


class RunningMoments:
    """Collects the `Moments` of features that come in batches, in float64 and without keeping them.

    A batch of n with mean m and scatter S joins N, M, T by M' = M + (m - M) n / (N + n) and T' = T
    + S + (m - M)(m - M)^T N n / (N + n), which does not cancel as a sum of squares would (Chan,
    Golub and LeVeque, 1979)."""

    def __init__(self) -> None:
        self._count: int = 0
        self._mean: np.ndarray | None = None
        self._scatter: np.ndarray | None = None

    def add(self, features: np.ndarray) -> None:
        """Takes features in, `[num_images, dim]`.

        Raises:
            ValueError: if they have another shape than those before, or a value that is not finite.
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
        centred = features - mean
        scatter, count = centred.T @ centred, len(features)
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
        """Returns the `Moments` of all features so far.

        Raises:
            ValueError: if there were fewer than two images.
        """
        if self._count < 2:
            raise ValueError(f'A covariance needs at least two images; got {self._count}.')
        return Moments(self._count, self._mean, self._scatter / (self._count - 1))


def frechet_distance(first: Moments, second: Moments) -> float:
    """Returns |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), the squared distance of two normal
    distributions; 0 for the same.

    tr (C1 C2)^(1/2) is the sum of the singular values of C1^(1/2) C2^(1/2), which is real whatever
    rounding does, and right for singular covariances, of fewer images than features, too.

    Args:
        first, second: `Moments` of features of one kind.

    Raises:
        ValueError: if they are of different sizes.

    Reference: Dowson and Landau, "The Frechet distance between multivariate normal distributions",
        1982; Heusel et al., "GANs Trained by
    a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", 2017, arXiv:1706.08500,
    equation 6."""
    if first.mean.shape != second.mean.shape:
        raise ValueError(
            f'`first` and `second` must be of as many features; got {len(first.mean)} and '
            f'{len(second.mean)}.'
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
    # Rounding can leave less than nothing of two equal distributions.
    return float(max(distance, 0.0))


def _square_root(covariance):
    """Returns the symmetric square root of a positive semidefinite matrix."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    # What rounding leaves of a zero would have a root eight digits larger.
    values = np.where(values > np.finfo(np.float64).eps * len(values) * values[-1], values, 0)
    return (vectors * np.sqrt(values)) @ vectors.T
