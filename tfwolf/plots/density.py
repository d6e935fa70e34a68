"""The density of a flow on the plane, as in figure 1 of Real NVP."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tfwolf.plots.style import charts, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = 'magma'
POINT = {'s': 3, 'linewidths': 0, 'alpha': 0.6}
# Of the plane of v: three standard deviations and some more.
V_LIMIT = 4.0
# Densities above this quantile of the grid have the brightest color.
BRIGHTEST = 0.999
# Of each chart, in inches.
SIDE = 4.0


class Plane(NamedTuple):
    """A rectangle of the plane with a grid of cells.

    Attributes:
        low, high: corners, `[2]` each.
        size: number of cells on each side.
    """

    low: np.ndarray
    high: np.ndarray
    size: int

    @property
    def centers(self) -> np.ndarray:
        """The centers of the cells, float64 `[size^2, 2]`, rows of equal second coordinate."""
        places = (np.arange(self.size) + 0.5) / self.size
        x, y = (low + (high - low) * places for low, high in zip(self.low, self.high))
        return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)

    @property
    def cell_area(self) -> float:
        """The area of a cell."""
        return float(np.prod((self.high - self.low) / self.size))


def plane_around(points: np.ndarray, size: int, margin: float = 0.1) -> Plane:
    """Return the `Plane` of points `[n, 2]`, with a margin as a share of each side."""
    low, high = points.min(axis=0).astype(np.float64), points.max(axis=0).astype(np.float64)
    room = margin * np.maximum(high - low, 1e-12)
    return Plane(low - room, high + room, size)


@styled
def density_figure(
    plane: Plane,
    data: np.ndarray,
    v_of_data: np.ndarray,
    v: np.ndarray,
    samples: np.ndarray,
    log_density: np.ndarray,
    known_log_density: np.ndarray | None = None,
    names: tuple[str, str] = ('x', 'y'),
) -> Figure:
    """Return a figure: data, their v and the density; samples, their v, and the known density.

    Points of the same rank in the angle around the center of v have the same color in v and in x,
    so that one sees where the flow takes them.

    Args:
        plane: the `Plane` of the densities.
        data: `[n, 2]`.
        v_of_data: `[n, 2]`, what the flow makes of the data; standard normal for a good flow.
        v: `[m, 2]`, draws of N(0, I).
        samples: `[m, 2]`, what the inverse makes of v.
        log_density: log p of the model at `plane.centers` in nats, `[size^2]`.
        known_log_density: as `log_density`, of the distribution of the data; None if it is unknown,
            which shows log p of the model instead.
        names: of the two features.
    """
    figure, axes = charts(2, 3, width=SIDE, height=SIDE)
    for (in_x, in_v, _), points, of_v, titles in (
        (axes[:3], data, v_of_data, ('data x', 'v = f(x) of the data')),
        (axes[3:], samples, v, (r'samples x = f$^{-1}$(v)', 'v ~ N(0, I)')),
    ):
        colors = np.arctan2(of_v[:, 1], of_v[:, 0])
        _scatter(in_x, points, colors, titles[0])
        _of_plane(in_x, plane, names)
        _scatter(in_v, of_v, colors, titles[1])
        in_v.set(xlim=(-V_LIMIT, V_LIMIT), ylim=(-V_LIMIT, V_LIMIT), xlabel='v 1', ylabel='v 2')
        in_v.set_aspect('equal')
    density = np.exp(log_density)
    brightest = float(
        np.quantile(density if known_log_density is None else np.exp(known_log_density), BRIGHTEST)
    )
    _heat(figure, axes[2], plane, density, 'density p(x) of the model', (0.0, brightest))
    if known_log_density is None:
        top = float(log_density.max())
        shown = np.maximum(log_density, top - 12)
        _heat(figure, axes[5], plane, shown, 'log p(x) of the model, nats', (top - 12, top))
    else:
        known = np.exp(known_log_density)
        _heat(figure, axes[5], plane, known, 'density of the distribution', (0.0, brightest))
    for in_x in (axes[2], axes[5]):
        _of_plane(in_x, plane, names)
    return figure


def _scatter(axes: Axes, points: np.ndarray, colors: np.ndarray, title: str) -> None:
    axes.scatter(points[:, 0], points[:, 1], c=colors, cmap='hsv', vmin=-np.pi, vmax=np.pi, **POINT)
    axes.set_title(title)


def _heat(
    figure: Figure,
    axes: Axes,
    plane: Plane,
    values: np.ndarray,
    title: str,
    limits: tuple[float, float],
) -> None:
    extent = (plane.low[0], plane.high[0], plane.low[1], plane.high[1])
    grid = values.reshape(plane.size, plane.size)
    image = axes.imshow(
        grid,
        origin='lower',
        extent=extent,
        cmap=COLORS,
        vmin=limits[0],
        vmax=limits[1],
        interpolation='nearest',
    )
    axes.grid(visible=False)
    axes.set_title(title)
    figure.colorbar(image, ax=axes, shrink=0.8)


def _of_plane(axes: Axes, plane: Plane, names: tuple[str, str]) -> None:
    axes.set(
        xlim=(plane.low[0], plane.high[0]),
        ylim=(plane.low[1], plane.high[1]),
        xlabel=names[0],
        ylabel=names[1],
    )
    # Features of different units have no common scale.
    sides = plane.high - plane.low
    axes.set_aspect('equal' if max(sides) < 4 * min(sides) else 'auto')
