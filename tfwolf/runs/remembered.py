"""What a run remembers of its machine; it is not part of the configuration."""

from __future__ import annotations

import json
import os

from tfwolf.core import files

MACHINE = 'machine.json'


def remember_data_dir(train_dir: str, data_dir: str | None) -> None:
    """Write down the folder of the data next to a run; None leaves what was remembered.

    Args:
        train_dir: folder of the run.
        data_dir: folder of TensorFlow Datasets.
    """
    if data_dir is not None:
        files.write_json(os.path.join(train_dir, MACHINE), {'data_dir': os.path.abspath(data_dir)})


def remembered_data_dir(train_dir: str) -> str | None:
    """Return the folder of the data that a run was trained with, or None if it is unknown or gone.

    Args:
        train_dir: folder of the run.
    """
    try:
        with open(os.path.join(train_dir, MACHINE), encoding='utf-8') as file:
            found = json.load(file).get('data_dir')
    except (OSError, ValueError, AttributeError):
        return None
    return (
        found if isinstance(found, str) and os.path.isabs(found) and os.path.isdir(found) else None
    )
