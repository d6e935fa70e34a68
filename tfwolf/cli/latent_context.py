"""Input of the pictures of what z and v hold, and where their files go."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np

from tfwolf.analysis.coder import Coder, Decoded
from tfwolf.analysis.compression import Compressed
from tfwolf.cli import opening
from tfwolf.cli.flags import Flags
from tfwolf.cli.images import Chosen, chosen_images
from tfwolf.pictures.grids import marked
from tfwolf.runs.results import ResultFolder
from tfwolf.runs.run import Run


class Context(NamedTuple):
    """Input of each part: flags, `Run`, `Coder` of its model, and the folder of all parts."""

    options: Flags
    run: Run
    coder: Coder
    base: str

    def chosen(self, count: int | None = None) -> Chosen:
        """Return the images that the flags choose, `count` (default: --num_images) if none."""
        return chosen_images(self.options, self.run, count or self.options.num_images)

    def folder(self, name: str, settings: dict) -> ResultFolder:
        """Return the folder for the results of a part."""
        return opening.result_folder(
            self.options, f'latents {name}', self.run, settings, os.path.join(self.base, name)
        )

    def flat(self, found: Decoded | Compressed) -> np.ndarray:
        """Return decoded images as one list; those that are not finite are crossed out."""
        return marked(
            found.images.reshape(-1, *self.run.model.image_shape), found.finite.reshape(-1)
        )
