"""Figures as SVG, PNG and PDF without dates, and as arrays for TensorBoard."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfwolf.core import validate
from tfwolf.core.files import atomic_path
from tfwolf.pictures import description
from tfwolf.plots.style import DPI, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Metadata that would differ between two drawings of the same arrays are left out.
METADATA = {
    'png': {'Software': None},
    'svg': {'Date': None, 'Creator': None},
    'pdf': {'CreationDate': None, 'Creator': None, 'Producer': None},
}
FORMATS = tuple(METADATA)
KEYS = {
    'png': description.PNG_KEY,
    'svg': description.SVG_KEY,
    'pdf': description.PDF_KEY,
}


@styled
def figure_bytes(
    figure: Figure, file_format: str, dpi: int = DPI, about: Mapping[str, Any] | None = None
) -> bytes:
    """Return a figure as the bytes of a file; the same figure gives the same bytes.

    Args:
        figure: a figure of this room.
        file_format: 'png', 'svg' (whose texts are texts) or 'pdf'.
        dpi: pixels per inch of PNG; those of a `labelled_grid` must be its own.
        about: what the figure was made from, dict of JSON values, for `read_description`.

    Raises:
        ValueError: if there is no such format, or `dpi` is not positive.
    """
    if file_format not in METADATA:
        raise ValueError(
            f'`file_format` must be one of {", ".join(FORMATS)}; got file_format={file_format!r}.'
        )
    validate.integer('dpi', dpi, minimum=1)
    metadata: dict[str, str | None] = dict(METADATA[file_format])
    if about is not None:
        metadata[KEYS[file_format]] = description.as_text(about)
    file = io.BytesIO()
    figure.savefig(file, format=file_format, dpi=dpi, metadata=metadata)
    return file.getvalue()


def write_figure(
    path: str,
    figure: Figure,
    file_formats: Sequence[str] = FORMATS,
    dpi: int = DPI,
    about: Mapping[str, Any] | None = None,
) -> list[str]:
    """Write a figure as `PATH.FORMAT` for each format, atomically; return the paths.

    Args:
        path: path without extension; its folder is created.
        figure, dpi, about: as in `figure_bytes`.
        file_formats: each as in `figure_bytes`.

    Raises:
        ValueError: as `figure_bytes`.
    """
    os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
    paths = []
    for file_format in file_formats:
        data = figure_bytes(figure, file_format, dpi, about)
        paths.append(f'{path}.{file_format}')
        with atomic_path(paths[-1]) as temporary, open(temporary, 'wb') as file:
            file.write(data)
    return paths


def figure_array(figure: Figure, dpi: int = DPI) -> np.ndarray:
    """Return a figure as a picture, uint8 `[height, width, 3]`."""
    from PIL import Image

    with Image.open(io.BytesIO(figure_bytes(figure, 'png', dpi))) as picture:
        return np.asarray(picture.convert('RGB'))
