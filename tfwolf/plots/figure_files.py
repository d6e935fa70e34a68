"""Figures as SVG, PNG and PDF without dates, and as arrays for TensorBoard."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfwolf.core.files import atomic_path
from tfwolf.plots.style import styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Metadata that would differ between two drawings of the same arrays are left out.
METADATA = {
    'png': {'Software': None},
    'svg': {'Date': None, 'Creator': None},
    'pdf': {'CreationDate': None, 'Creator': None, 'Producer': None},
}
FORMATS = tuple(METADATA)


@styled
def figure_bytes(figure: Figure, file_format: str) -> bytes:
    """Return a figure as the bytes of a file; the same figure gives the same bytes.

    Args:
        figure: a figure of this room.
        file_format: 'png', 'svg' (whose texts are texts) or 'pdf'.

    Raises:
        ValueError: if there is no such format.
    """
    if file_format not in METADATA:
        raise ValueError(
            f'`file_format` must be one of {", ".join(FORMATS)}; got file_format={file_format!r}.'
        )
    file = io.BytesIO()
    figure.savefig(file, format=file_format, metadata=METADATA[file_format])
    return file.getvalue()


def write_figure(path: str, figure: Figure, file_formats: Sequence[str] = FORMATS) -> list[str]:
    """Write a figure as `PATH.FORMAT` for each format, atomically; return the paths.

    Args:
        path: path without extension; its folder is created.
        figure: a figure of this room.
        file_formats: see `figure_bytes`.

    Raises:
        ValueError: if there is no such format.
    """
    os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
    paths = []
    for file_format in file_formats:
        data = figure_bytes(figure, file_format)
        paths.append(f'{path}.{file_format}')
        with atomic_path(paths[-1]) as temporary, open(temporary, 'wb') as file:
            file.write(data)
    return paths


def figure_array(figure: Figure) -> np.ndarray:
    """Return a figure as a picture, uint8 `[height, width, 3]`."""
    from PIL import Image

    with Image.open(io.BytesIO(figure_bytes(figure, 'png'))) as picture:
        return np.asarray(picture.convert('RGB'))
