"""The model that the explorer looks at: an exported one, a run that is exported for this once, or
one behind a server.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import NamedTuple

from tfwolf.explorer.export_folder import open_version, read_details
from tfwolf.explorer.rest_servable import RestServable
from tfwolf.serving.versions import find_version


class Backend(NamedTuple):
    """A model that can be called.

    Attributes:
        servable: a `Servable`, or what has its `signatures` and can be called like it.
        details: arguments of `tfwolf.explorer.description.describe` that its signatures do not say.
        title: where it is from, for people.
    """

    servable: Callable
    details: dict
    title: str


def open_export(export: str) -> Backend:
    """Returns the exported model in a folder, its highest version.

    Raises:
        ValueError: if there is none, or it cannot be loaded.
    """
    folder = find_version(export)
    details = read_details(folder)
    return Backend(
        open_version(folder),
        details,
        os.path.relpath(folder, os.path.dirname(os.path.dirname(os.path.abspath(folder)))),
    )


def open_run(train_dir: str, checkpoint: str, data_dir: str | None) -> Backend:
    """Returns the model of a run, exported for this once.

    Raises:
        ValueError: if it cannot be exported.
    """
    with tempfile.TemporaryDirectory(prefix='tfwolf-') as folder:
        # In a process of its own: this one does without TensorFlow's Python.
        done = subprocess.run(
            [
                sys.executable,
                '-m',
                'tfwolf.export',
                f'--train_dir={train_dir}',
                f'--export_dir={folder}',
                '--noverify',
                f'--checkpoint={checkpoint}',
                *([f'--data_dir={data_dir}'] if data_dir else []),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ValueError(
                done.stderr.rpartition('error: ')[2].strip()
                or f'The export ended with exit code {done.returncode}.'
            )
        # What is loaded needs its files no more.
        return open_export(folder)._replace(title=os.path.basename(os.path.abspath(train_dir)))


def open_server(address: str, model_name: str) -> Backend:
    """Returns a model behind TensorFlow Serving's REST API.

    Raises:
        ValueError: if the address is none, or there is no such model.
    """
    return Backend(RestServable(address, model_name), {}, f'{model_name} at {address}')
