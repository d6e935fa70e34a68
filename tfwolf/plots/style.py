"""One style of all plots: colors that the color-blind tell apart, and lines that grey tells apart.

Matplotlib is imported when a plot is drawn, and its global settings and `pyplot` are not used.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito, "Color Universal Design", 2008; without its yellow, which is too light for lines.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, BLACK = (
    '#0072B2',
    '#E69F00',
    '#009E73',
    '#D55E00',
    '#CC79A7',
    '#56B4E9',
    '#000000',
)
COLORS = (BLUE, RED, GREEN, ORANGE, PURPLE, SKY, BLACK)
# Of different lengths, so that the pairs of a color and these repeat after 35 lines.
DASHES = ('-', '--', '-.', ':', (0, (6, 2, 1, 2, 1, 2)))
MARKERS = ('o', 's', '^', 'D', 'v', 'P', 'X')
HATCHES = ('', '///', '...', 'xxx', '\\\\\\')
GREY = '#767676'

# Size of one chart in inches, and pixels per inch.
WIDTH, HEIGHT = 4.6, 3.1
DPI = 144
SETTINGS = {
    # matplotlib brings the first; SVG names all of them for viewers that do not have it.
    'font.family': ['sans-serif'],
    'font.sans-serif': ['DejaVu Sans', 'Verdana', 'Arial'],
    'font.size': 9.0,
    'axes.titlesize': 10.0,
    'axes.titlelocation': 'left',
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.grid': True,
    'axes.axisbelow': True,
    'axes.unicode_minus': True,
    'grid.color': '#dddddd',
    'grid.linewidth': 0.6,
    'lines.linewidth': 1.6,
    'lines.markersize': 4.5,
    'legend.frameon': False,
    'legend.fontsize': 8.0,
    'hatch.linewidth': 0.6,
    'figure.dpi': DPI,
    'savefig.dpi': DPI,
    'figure.facecolor': 'white',
    'savefig.facecolor': 'white',
    # Texts stay texts, and the same arrays give the same file.
    'svg.fonttype': 'none',
    'svg.hashsalt': 'tfwolf',
    'pdf.fonttype': 42,
    'path.simplify': True,
}

Parameters = ParamSpec('Parameters')
Result = TypeVar('Result')


class Look(NamedTuple):
    """How a line is told apart: color, dashes and marker."""

    color: str
    dashes: str | tuple
    marker: str


def look(number: int) -> Look:
    """Return the `Look` of line `number`, from 0."""
    return Look(
        COLORS[number % len(COLORS)],
        DASHES[number % len(DASHES)],
        MARKERS[number % len(MARKERS)],
    )


def styled(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Return a function that draws in the style of this module, whatever matplotlib is set to."""

    @functools.wraps(function)
    def in_style(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        import matplotlib

        settings: Any = {
            name: value
            for name, value in matplotlib.rcParamsDefault.items()
            if not name.startswith(('backend', 'interactive', 'toolbar', 'webagg'))
        }
        settings.update(SETTINGS)
        with matplotlib.rc_context(settings):
            return function(*args, **kwargs)

    return in_style


def charts(
    rows: int = 1, columns: int = 1, width: float = WIDTH, height: float = HEIGHT
) -> tuple[Figure, list[Axes]]:
    """Return a new figure and its charts, row by row.

    Args:
        rows, columns: number of charts.
        width, height: of one chart, in inches.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(columns * width, rows * height), layout='constrained')
    grid = figure.subplots(rows, columns, squeeze=False)
    return figure, list(grid.flat)
