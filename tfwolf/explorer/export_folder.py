"""Opens a version of an exported model on the local disk and reads its description."""

from __future__ import annotations

import json
import os

from tfwolf.core.suppress_stderr import suppress_stderr
from tfwolf.explorer.description import Details
from tfwolf.serving.c_api import Servable, ServableError

SIGNATURES = 'signatures.json'


def open_version(folder: str) -> Servable:
    """Return the `Servable` of a folder with a SavedModel.

    Raises:
        ValueError: if TensorFlow cannot load it.
    """
    try:
        with suppress_stderr(shown_on=OSError):
            return Servable(folder)
    except ServableError as error:
        raise ValueError(f'The model in {folder} cannot be loaded: {error}') from error


def read_details(folder: str) -> Details:
    """Return the `Details` of the model in a folder; earlier versions did not write the names.

    Raises:
        ValueError: if `signatures.json` exists but is damaged.
    """
    path = os.path.join(folder, SIGNATURES)
    if not os.path.isfile(path):
        return Details()
    try:
        with open(path, encoding='utf-8') as file:
            written = json.load(file)
        return Details(written['num_bits'], written['num_classes'], written.get('classes'))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f'{path} cannot be read: {type(error).__name__}: {error}. Export the model again.'
        ) from error
