"""Two-dimensional distributions with a known density, for checks and pictures of flows."""

from __future__ import annotations

import abc
import dataclasses
import math

import numpy as np


class ToyDensity(abc.ABC):
    """A distribution on the plane with a known density.

    Attributes:
        num_uniforms: number of uniform numbers from which one point is made.
    """

    num_uniforms: int

    @abc.abstractmethod
    def points(self, uniforms: np.ndarray) -> np.ndarray:
        """Return points `[n, 2]` for independent uniform numbers `[n, num_uniforms]` in [0, 1)."""

    @abc.abstractmethod
    def log_density(self, points: np.ndarray) -> np.ndarray:
        """Return log p of points `[n, 2]` in nats, float64 `[n]`; -inf where there are none."""

    @property
    @abc.abstractmethod
    def entropy_nats(self) -> float:
        """The entropy -E[log p(x)] in nats: the least held-out -log p of any model."""


@dataclasses.dataclass(frozen=True)
class Checkerboard(ToyDensity):
    """Uniform on the 8 dark squares of a board of 4 x 4 squares of side 2 on [-4, 4]^2.

    The entropy is log(8 * 2^2) = log 32 = 3.4657 nats.
    """

    num_uniforms: int = 3

    def points(self, uniforms: np.ndarray) -> np.ndarray:
        """See `ToyDensity.points`."""
        square = np.floor(8 * uniforms[:, 0])
        column = np.floor(square / 2)
        row = 2 * (square % 2) + column % 2
        return np.stack(
            [2 * (column + uniforms[:, 1]) - 4, 2 * (row + uniforms[:, 2]) - 4], axis=-1
        )

    def log_density(self, points: np.ndarray) -> np.ndarray:
        """See `ToyDensity.log_density`."""
        squares = np.floor((np.asarray(points, np.float64) + 4) / 2)
        on_board = np.all((squares >= 0) & (squares < 4), axis=-1)
        dark = np.sum(squares, axis=-1) % 2 == 0
        return np.where(on_board & dark, -math.log(32), -np.inf)

    @property
    def entropy_nats(self) -> float:
        """log 32."""
        return math.log(32)


@dataclasses.dataclass(frozen=True)
class Rings(ToyDensity):
    """Four rings: the angle is uniform, the radius is normal around 1, 2, 3 or 4.

    p(x) = 1/4 sum_k N(r; k, s^2) / (2 pi r) with r = |x|. The rings do not overlap (their distance
    is 10 s), so the entropy is log(2 pi) + E[log r] + log 4 + log(s sqrt(2 pi e)), where E[log r]
    is that of the normal radii: 3.1332 nats for s = 0.1.

    Args:
        std: s, standard deviation of the radius.
    """

    std: float = 0.1
    num_uniforms: int = 3

    def points(self, uniforms: np.ndarray) -> np.ndarray:
        """See `ToyDensity.points`."""
        radius = 1 + np.floor(4 * uniforms[:, 0]) + self.std * _normal(uniforms[:, 1])
        angle = 2 * math.pi * uniforms[:, 2]
        return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)

    def log_density(self, points: np.ndarray) -> np.ndarray:
        """See `ToyDensity.log_density`."""
        radius = np.maximum(np.linalg.norm(np.asarray(points, np.float64), axis=-1), 1e-300)
        distances = (radius[:, None] - np.arange(1, 5)) / self.std
        of_radius = np.logaddexp.reduce(-0.5 * distances**2, axis=-1)
        constant = math.log(4 * self.std * math.sqrt(2 * math.pi)) + math.log(2 * math.pi)
        return of_radius - constant - np.log(radius)

    @property
    def entropy_nats(self) -> float:
        """The formula above, with E[log r] by Gauss-Hermite quadrature."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(40)
        radii = np.arange(1, 5)[:, None] + self.std * np.clip(nodes, -9, 9)
        of_radius = (np.log(radii) * weights).sum() / (4 * weights.sum())
        of_ring = math.log(4) + math.log(self.std * math.sqrt(2 * math.pi * math.e))
        return float(math.log(2 * math.pi) + of_radius + of_ring)


@dataclasses.dataclass(frozen=True)
class Moons(ToyDensity):
    """Two interleaved half circles of radius 1 with normal noise, as in scikit-learn.

    A point is (cos a, sin a) or (1 - cos a, 1/2 - sin a) with a uniform in [0, pi], plus
    N(0, s^2 I). p(x) is the integral over a, computed with 512 midpoints, which is exact to
    rounding because the distance between them is far below s. The entropy is an integral over the
    plane: 1.0076 nats for s = 0.1.

    Args:
        std: s, standard deviation of the noise.
    """

    std: float = 0.1
    num_uniforms: int = 4

    def points(self, uniforms: np.ndarray) -> np.ndarray:
        """See `ToyDensity.points`."""
        upper = (uniforms[:, :1] < 0.5).astype(np.float64)
        outer, inner = _arcs(math.pi * uniforms[:, 1])
        return upper * outer + (1 - upper) * inner + self.std * _normal(uniforms[:, 2:])

    def log_density(self, points: np.ndarray) -> np.ndarray:
        """See `ToyDensity.log_density`."""
        angles = math.pi * (np.arange(512) + 0.5) / 512
        centers = np.concatenate(_arcs(angles))
        points = np.asarray(points, np.float64)
        result = np.empty(len(points))
        for start in range(0, len(points), 4096):
            part = points[start : start + 4096]
            # |x - c|^2 without an array of differences.
            squares = (part**2).sum(-1)[:, None] - 2 * part @ centers.T + (centers**2).sum(-1)[None]
            result[start : start + 4096] = np.logaddexp.reduce(
                -0.5 * squares / self.std**2, axis=-1
            )
        return result - math.log(2 * 512) - math.log(2 * math.pi * self.std**2)

    @property
    def entropy_nats(self) -> float:
        """The integral of -p log p over the plane, on a grid finer than the noise."""
        step = self.std / 4
        x, y = np.arange(-2, 3, step), np.arange(-1.5, 2, step)
        grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        log_density = self.log_density(grid)
        return float(-(np.exp(log_density) * log_density).sum() * step**2)


DENSITIES: dict[str, type[ToyDensity]] = {
    'moons': Moons,
    'rings': Rings,
    'checkerboard': Checkerboard,
}


def _arcs(angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    outer = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    return outer, np.array([1.0, 0.5]) - outer


def _normal(uniforms: np.ndarray) -> np.ndarray:
    """Return the quantiles of N(0, 1): one number from one uniform number, whatever the count."""
    import scipy.special

    return scipy.special.ndtri(np.clip(uniforms, 1e-16, 1 - 1e-16))
