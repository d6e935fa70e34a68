"""The model of the explorer: an export, a run that is exported temporarily, or a served model."""

from __future__ import annotations

import os
import subprocess
import tempfile
from typing import NamedTuple

from tfwolf.core.module_search import module_command
from tfwolf.explorer.description import Details, SignatureCaller
from tfwolf.explorer.export_folder import open_version, read_details
from tfwolf.explorer.rest_servable import RestServable
from tfwolf.serving.versions import find_version


class Backend(NamedTuple):
    """A model that can be called.

    Attributes:
        servable: a `Servable`, or an object with its `signatures` that is called like it.
        details: its `Details`, which its signatures do not have.
        title: where the model is from, shown on the page.
    """

    servable: SignatureCaller
    details: Details
    title: str


def open_export(export: str) -> Backend:
    """Return the highest version of the exported model in a folder.

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
    """Return the model of a run, exported to a temporary folder.

    Raises:
        ValueError: if it cannot be exported.
    """
    with tempfile.TemporaryDirectory(prefix='tfwolf-') as folder:
        # In a separate process: this one does not import TensorFlow.
        done = subprocess.run(
            [
                *module_command('tfwolf.export'),
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
        # A loaded model does not need its files.
        return open_export(folder)._replace(title=os.path.basename(os.path.abspath(train_dir)))


def open_server(address: str, model_name: str) -> Backend:
    """Return a model that TensorFlow Serving's REST API serves.

    Raises:
        ValueError: if the address is invalid or the model does not exist.
        Unavailable: if the server does not answer.
    """
    return Backend(RestServable(address, model_name), Details(), f'{model_name} at {address}')
