"""The folder of a tool's results: numbers as JSON, pictures, and their provenance."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tfwolf.core import files
from tfwolf.core.files import UNFINISHED
from tfwolf.pictures.grids import to_rgb, write_png
from tfwolf.plots.appearance import Appearance
from tfwolf.plots.figure_files import write_figure
from tfwolf.plots.labelled_grid import Labels, labelled_grid
from tfwolf.training import run_directory

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MADE_FROM = 'made_from.json'


class ResultFolder:
    """The folder with the results of one tool on one model.

    The same tool with the same settings on the same model may use the folder again, and replaces
    its results. Anything else is an error, unless `overwrite` is set.

    Args:
        folder: path.
        made_from: dict of JSON values, everything on which the results depend.
        step: training step of the model, written with the results.
        overwrite: whether other results may be replaced; files of other names are kept.
        appearance: how the files of pictures look.

    Raises:
        ValueError: if the folder contains other results or other files; nothing is written.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        made_from: Mapping[str, Any],
        step: int,
        overwrite: bool = False,
        appearance: Appearance = Appearance(),
    ) -> None:
        self.folder = str(folder)
        self._made_from = json.loads(json.dumps(made_from))
        self._step, self._appearance = step, appearance
        _check_free(self.folder, self._made_from, overwrite)
        os.makedirs(self.folder, exist_ok=True)
        files.write_json(self.path(MADE_FROM), self._made_from)
        # Earlier versions wrote the results to TensorBoard, too.
        shutil.rmtree(self.path(run_directory.TENSORBOARD), ignore_errors=True)
        self._written: list[str] = []

    def path(self, name: str) -> str:
        """Return the path of the file `name` in the folder."""
        return os.path.join(self.folder, name)

    @property
    def about(self) -> dict[str, Any]:
        """What pictures say that they were made from, see `read_description`.

        Paths have no folders, for pictures may be published.
        """
        return {**_without_folders(self._made_from), 'step': self._step}

    def figure(self, name: str, figure: Figure) -> None:
        """Write a matplotlib figure as `NAME.FORMAT` in each format."""
        look = self._appearance
        for path in write_figure(self.path(name), figure, look.formats, look.dpi, self.about):
            self.wrote(os.path.basename(path))

    def grid(self, name: str, images: np.ndarray, columns: int, labels: Labels = Labels()) -> None:
        """Write a grid of uint8 images as `figure` does; arguments as in `labelled_grid`."""
        look = self._appearance
        shown = labels if look.captions else Labels()
        self.figure(name, labelled_grid(images, columns, shown, look.scale, look.dpi))

    def pictures(self, name: str, images: Mapping[str, np.ndarray]) -> None:
        """Write uint8 images `[height, width, channels]` as PNG files to the folder `NAME`.

        Previous files in that folder are removed.
        """
        shutil.rmtree(self.path(name), ignore_errors=True)
        for own, image in images.items():
            write_png(os.path.join(self.path(name), f'{own}.png'), to_rgb(image), self.about)
        self.wrote(f'{name}/')

    def wrote(self, name: str) -> None:
        """Record that a tool has written the file `name`, for the message of `finish`."""
        if name not in self._written:
            self._written.append(name)

    def write(self, values: Mapping[str, Any], name: str = 'result') -> None:
        """Write `NAME.json` with `values`, the training step and what the results were made from.

        Args:
            values: dict of JSON values.
            name: name of the file, without extension.
        """
        files.write_json(
            self.path(f'{name}.json'),
            {**values, 'step': self._step, 'made_from': self._made_from},
        )
        self.wrote(f'{name}.json')

    def finish(self, values: Mapping[str, Any], name: str = 'result') -> None:
        """Write as `write` does, and print the names of all files."""
        self.write(values, name)
        print(f'Written to {self.folder}: {", ".join(self._written)}', flush=True)


def _without_folders(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_folders(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_without_folders(part) for part in value]
    is_path = isinstance(value, str) and os.path.isabs(value)
    return os.path.basename(value.rstrip(os.sep)) if is_path else value


def unused_folder(folder: str, made_from: Mapping[str, Any]) -> str:
    """Return the first of `folder`, `folder-2`, `folder-3` ... that holds no other results.

    Args:
        folder: path.
        made_from: dict of JSON values, everything that the results depend on.
    """
    for number in itertools.count(1):
        path = folder if number == 1 else f'{folder}-{number}'
        try:
            _check_free(path, json.loads(json.dumps(made_from)), overwrite=False)
            return path
        except ValueError:
            continue
    raise AssertionError('unreachable')


def _check_free(folder, made_from, overwrite):
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise ValueError(f'--output_dir must be a folder; {folder} is a file.')
    if not os.path.isdir(folder) or not set(os.listdir(folder)) - {f'{MADE_FROM}{UNFINISHED}'}:
        return
    path = os.path.join(folder, MADE_FROM)
    if not os.path.exists(path):
        raise ValueError(
            f'The folder {folder} is not empty and holds no results of this tool (no '
            f'{MADE_FROM}); nothing was written. Choose another --output_dir.'
        )
    with open(path, encoding='utf-8') as file:
        before = json.load(file)
    if before != made_from and not overwrite:
        names = sorted(
            name
            for name in before.keys() | made_from.keys()
            if before.get(name) != made_from.get(name)
        )
        values = [(name, before.get(name), made_from.get(name)) for name in names]
        lines = [
            f'  {name}: {json.dumps(old)} before, {json.dumps(new)} now'
            for name, old, new in values
        ]
        raise ValueError(
            f'{folder} holds other results; nothing was written. Choose another --output_dir, or '
            'replace them with --overwrite. They differ in\n' + '\n'.join(lines)
        )
