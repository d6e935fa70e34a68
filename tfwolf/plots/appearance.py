"""How the files of pictures look, whatever they show."""

from __future__ import annotations

from typing import NamedTuple

from tfwolf.plots.style import DPI


class Appearance(NamedTuple):
    """How files of pictures look.

    Attributes:
        formats: some of 'png', 'svg' and 'pdf'.
        scale: pixels of the picture for each pixel of an image in a grid; None enlarges small
            images to about 64 pixels.
        dpi: pixels per inch, which is the size of texts and the physical size of grids.
        captions: whether grids have captions.
    """

    formats: tuple[str, ...] = ('png',)
    scale: int | None = None
    dpi: int = DPI
    captions: bool = True
