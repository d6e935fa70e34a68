"""The folder of a tool's results: numbers as JSON, pictures as PNG, both in TensorBoard, and what
they were made from.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfwolf.core import files
from tfwolf.core.files import UNFINISHED
from tfwolf.pictures.grids import to_rgb, write_png
from tfwolf.training.summaries import Summaries

MADE_FROM = 'made_from.json'


class ResultFolder:
    """A folder that holds the results of one tool on one model.

    The same tool with the same settings on the same model may use the folder again and replaces
    what it made; anything else is refused.

    Args:
        folder: path.
        made_from: dict of JSON values, everything that the results depend on.
        step: training step of the model, at which TensorBoard shows the results.
        overwrite: whether results of something else may be replaced; files of other names stay.

    Raises:
        ValueError: if the folder holds other results, or other files; nothing is written then.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        made_from: Mapping[str, Any],
        step: int,
        overwrite: bool = False,
    ) -> None:
        self.folder = str(folder)
        self._made_from = json.loads(json.dumps(made_from))
        self._step = step
        _check_free(self.folder, self._made_from, overwrite)
        os.makedirs(self.folder, exist_ok=True)
        files.write_json(self.path(MADE_FROM), self._made_from)
        shutil.rmtree(self.path('tensorboard'), ignore_errors=True)
        self._summaries = Summaries(self.folder)
        self._written = []

    def path(self, name: str) -> str:
        """Returns the path of the file `name` in the folder."""
        return os.path.join(self.folder, name)

    def picture(self, name: str, picture: np.ndarray) -> None:
        """Writes a uint8 picture `[height, width, 3]` as `NAME.png` and into TensorBoard."""
        write_png(self.path(f'{name}.png'), picture)
        self._summaries.picture(name, picture, self._step)
        self.wrote(f'{name}.png')

    def pictures(self, name: str, images: Mapping[str, np.ndarray]) -> None:
        """Writes uint8 images `[height, width, channels]` as PNG files into the folder `NAME`,
        which holds nothing else then.
        """
        shutil.rmtree(self.path(name), ignore_errors=True)
        for own, image in images.items():
            write_png(os.path.join(self.path(name), f'{own}.png'), to_rgb(image))
        self.wrote(f'{name}/')

    def wrote(self, name: str) -> None:
        """Notes that a tool has written the file `name` itself, to be told to the user."""
        if name not in self._written:
            self._written.append(name)

    def write(self, values: Mapping[str, Any], name: str = 'result') -> None:
        """Writes `NAME.json`, which holds `values` and what they were made from; numbers are
        scalars `NAME/...` in TensorBoard.

        Args:
            values: dict of JSON values.
            name: of the file, without extension.
        """
        files.write_json(self.path(f'{name}.json'), {**values, 'made_from': self._made_from})
        numbers = {
            key: value
            for key, value in values.items()
            if isinstance(value, (int, float)) and not isinstance(value, bool)
        }
        self._summaries.metrics(name, numbers, self._step)
        self._summaries.flush()
        self.wrote(f'{name}.json')

    def finish(self, values: Mapping[str, Any], name: str = 'result') -> None:
        """Writes as `write` does, and says where everything is."""
        self.write(values, name)
        print(
            f'Written to {self.folder}: {", ".join(self._written)}; also in tensorboard '
            f'--logdir={self.folder}',
            flush=True,
        )


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
        raise ValueError(f'--output_dir={folder} is a file. Name a folder.')
    if not os.path.isdir(folder) or not set(os.listdir(folder)) - {f'{MADE_FROM}{UNFINISHED}'}:
        return
    path = os.path.join(folder, MADE_FROM)
    if not os.path.exists(path):
        raise ValueError(
            f'The folder {folder} is not empty and holds no results of this tool (no '
            f'{MADE_FROM}); nothing was written. '
            'Name another --output_dir.'
        )
    with open(path, encoding='utf-8') as file:
        before = json.load(file)
    if before != made_from and not overwrite:
        names = sorted(
            name
            for name in before.keys() | made_from.keys()
            if before.get(name) != made_from.get(name)
        )
        lines = [
            f'  {name}: {json.dumps(before.get(name))} there, {json.dumps(made_from.get(name))} now'
            for name in names
        ]
        raise ValueError(
            f'{folder} holds other results; nothing was written. Name another --output_dir, or '
            'replace them with --overwrite. '
            'They differ in\n' + '\n'.join(lines)
        )
