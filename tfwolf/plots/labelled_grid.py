"""A grid of images with names of its rows, columns and axes, pixel by pixel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing

from tfwolf.core import validate
from tfwolf.pictures.grids import GAP, image_grid
from tfwolf.plots.style import DPI, styled
from tfwolf.plots.text_size import text_width, wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# In points; a line is higher than its letters.
FONT_SIZE, LINE, SPACE = 7.0, 1.3, 4.0
# A title makes a narrow grid at most this wide, in multiples of the font size.
LEAST_WIDTH = 36


class Labels(NamedTuple):
    """Texts around a grid; '' or () for none. A text may have several lines.

    Attributes:
        title: above everything.
        rows, columns: one for each row or column.
        row_axis, column_axis: what changes from row to row, and from column to column.
    """

    title: str = ''
    rows: Sequence[str] = ()
    columns: Sequence[str] = ()
    row_axis: str = ''
    column_axis: str = ''


@styled
def labelled_grid(
    images: np.typing.ArrayLike,
    columns: int,
    labels: Labels = Labels(),
    scale: int | None = None,
    dpi: int = DPI,
) -> Figure:
    """Return a figure of images in rows, each pixel as a square of whole pixels.

    Texts have a size in points, so the larger `dpi`, the more pixels have their letters. Texts are
    to the left and above. Names of columns that are wider than their column are turned upright.

    Args:
        images: uint8 `[num_images, height, width, channels]`.
        columns: number of images per row.
        labels: the `Labels`.
        scale, dpi: as in `Appearance`.

    Raises:
        ValueError: if there are no images, or labels do not fit the rows or columns.
    """
    from matplotlib.figure import Figure

    validate.integer('dpi', dpi, minimum=1)
    picture = image_grid(images, columns, scale)
    rows = math.ceil(len(np.asarray(images)) / columns)
    for name, texts, count in (('rows', labels.rows, rows), ('columns', labels.columns, columns)):
        if len(texts) not in (0, count):
            raise ValueError(f'`labels.{name}` must be {count} texts; got {len(texts)}.')
    place = _Places(labels, picture.shape[0], picture.shape[1], dpi)
    width, height = place.left + place.inner, place.top + picture.shape[0]
    # So that rounding never takes a pixel away.
    figure = Figure(figsize=((width + 1e-3) / dpi, (height + 1e-3) / dpi), dpi=dpi)
    axes = figure.add_axes(
        (place.left / width, 0, picture.shape[1] / width, picture.shape[0] / height)
    )
    axes.imshow(picture, interpolation='none', aspect='auto')
    axes.axis('off')

    def write(x: float, y: float, text: str, **alignment: Any) -> None:
        figure.text(
            x / width, 1 - y / height, text, fontsize=FONT_SIZE, linespacing=1.1, **alignment
        )

    space = place.space
    write(space / 2, space / 2, place.title, va='top')
    row_height = (picture.shape[0] - GAP) / rows
    column_width = (picture.shape[1] - GAP) / columns
    for number, text in enumerate(labels.rows):
        middle = place.top + GAP / 2 + (number + 0.5) * row_height
        write(place.left - space, middle, text, ha='right', va='center')
    for number, text in enumerate(labels.columns):
        middle = place.left + GAP / 2 + (number + 0.5) * column_width
        turned = {'rotation': 90, 'multialignment': 'left'} if place.upright else {}
        write(middle, place.top - space / 2, text, ha='center', va='bottom', **turned)
    write(
        space / 2,
        place.top + picture.shape[0] / 2,
        place.row_axis,
        va='center',
        ha='left',
        rotation=90,
        multialignment='center',
    )
    write(
        place.left + picture.shape[1] / 2,
        place.title_height + space / 2,
        place.column_axis,
        ha='center',
        va='top',
    )
    return figure


class _Places:
    """Where the texts of a grid of `height` and `width` pixels go, in pixels from the top left.

    Attributes:
        space: between a text and what is next to it.
        title, row_axis, column_axis: with line breaks.
        title_height: of the title and the space below it.
        left, top: of the grid.
        inner: width from there to the right edge.
        upright: whether names of columns are turned.
    """

    def __init__(self, labels: Labels, height: int, width: int, dpi: int) -> None:
        font = FONT_SIZE * dpi / 72
        self.space = round(SPACE * dpi / 72)

        def wide(texts: Sequence[str]) -> int:
            return math.ceil(max((text_width(text, font) for text in texts), default=0))

        def high(texts: Sequence[str]) -> int:
            lines = max((text.count('\n') + 1 for text in texts if text), default=0)
            return math.ceil(lines * LINE * font) + self.space if lines else 0

        self.row_axis = wrapped(labels.row_axis, font, height)
        self.column_axis = wrapped(labels.column_axis, font, width)
        column = (width - GAP) / max(len(labels.columns), 1)
        self.upright = wide(labels.columns) > column - self.space
        above = wide(labels.columns) + self.space if self.upright else high(labels.columns)
        self.left = high([self.row_axis]) + (wide(labels.rows) + 2 * self.space) * bool(labels.rows)
        least = min(wide([labels.title]), round(LEAST_WIDTH * font)) + self.space
        overhang = wide([self.column_axis]) - width
        self.inner = max(width, least - self.left, width + math.ceil(overhang / 2))
        self.title = wrapped(labels.title, font, self.left + self.inner - self.space)
        self.title_height = high([self.title])
        self.top = self.title_height + high([self.column_axis]) + above
