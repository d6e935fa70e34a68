"""Input of the plots: flags, model, test images and their bits/dim, and where files go."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tfwolf.analysis.coder import Coder
from tfwolf.cli import opening
from tfwolf.cli.flags import Flags
from tfwolf.cli.images import Chosen, LabelledSplit
from tfwolf.cli.run_choice import run_folder
from tfwolf.data.dataset import Split
from tfwolf.evaluation.sample_quality import bits_of_split
from tfwolf.runs.results import ResultFolder
from tfwolf.runs.run import Run
from tfwolf.runs.run_data import check_labels
from tfwolf.training.checkpoints import find_checkpoint

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Context:
    """What the plots of one run share; the model is loaded, and test images are read, when needed.

    Args:
        options: the flags.

    Attributes:
        options: as given.
        train_dir, checkpoint: folder of the run, and path of its checkpoint.
        base: folder of all plots; each has a folder in it.

    Raises:
        ValueError: if the flags name no run, or no checkpoint of it.
    """

    def __init__(self, options: Flags) -> None:
        self.options = options
        self.train_dir = run_folder(options)
        self.checkpoint = find_checkpoint(self.train_dir, options.checkpoint)
        self.base = opening.results_path(options, self.train_dir, self.checkpoint, 'plots')

    @functools.cached_property
    def run(self) -> Run:
        """The `Run`.

        Raises:
            ValueError: if its images are not of 8 bits, or it cannot be loaded.
        """
        return opening.open_run(self.options)

    @functools.cached_property
    def coder(self) -> Coder:
        """The `Coder` of the model."""
        return opening.coder(self.options, self.run)

    @functools.cached_property
    def test(self) -> Split:
        """The first --num_images test images, as a `Split`."""
        check_labels(self.run.model, self.run.dataset, 'test')
        return self.run.dataset.test.take(self.options.num_images)

    @functools.cached_property
    def chosen(self) -> Chosen:
        """The same as `Chosen`, in memory."""
        positions = np.arange(self.test.num_examples)
        split = LabelledSplit(self.run.dataset, 'test')
        return Chosen(*split.load(positions), positions.tolist(), split.title)

    @functools.cached_property
    def images_bits(self) -> np.ndarray:
        """bits/dim of the test images, `[num_images]`."""
        return self.bits(self.test, self.options.seed)

    def bits(self, split: Split, seed: int) -> np.ndarray:
        """Return the bits/dim of a split, of one draw of the noise, `[num_images]`."""
        return bits_of_split(
            self.run.model, split, self.options.batch_size, seed, self.run.strategy
        )

    def of_images(self, *flags: str) -> dict[str, Any]:
        """Return the settings of a plot of the test images and of further flags."""
        return {
            'source': self.chosen.source,
            'num_images': self.test.num_examples,
            'batch_size': self.options.batch_size,
            **self.options.chosen(*flags),
        }

    def write(
        self,
        name: str,
        settings: Mapping[str, Any],
        figures: Mapping[str, Figure],
        numbers: Mapping[str, Any],
    ) -> None:
        """Write the files of a plot of the model to its folder.

        Args:
            name: of the plot and its folder.
            settings: everything that it depends on besides run and seed.
            figures: `{name of the file: figure}`.
            numbers: those that are drawn, for `result.json`.
        """
        path = os.path.join(self.base, name)
        folder = opening.result_folder(
            self.options, f'plots {name}', self.run, dict(settings), path
        )
        _fill(folder, figures, numbers)

    def write_of_folder(
        self, name: str, figures: Mapping[str, Figure], numbers: Mapping[str, Any]
    ) -> None:
        """Write the files of a plot of what is in the folder of the run, without its model.

        Arguments as in `write`.
        """
        folder = opening.folder_without_model(
            self.options,
            f'plots {name}',
            self.checkpoint,
            os.path.join(self.base, name),
        )
        _fill(folder, figures, numbers)


def _fill(folder: ResultFolder, figures: Mapping[str, Figure], numbers: Mapping[str, Any]) -> None:
    for file, figure in figures.items():
        folder.figure(file, figure)
    folder.finish(numbers)
