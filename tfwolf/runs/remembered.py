"""What a run remembers of its machine; it is not part of the configuration."""

from __future__ import annotations

import json
import os
from typing import Any

from tfwolf.core import files

MACHINE = 'machine.json'


def remember_data_dir(train_dir: str, data_dir: str | None) -> None:
    """Write down the folder of the data next to a run; None leaves what was remembered.

    Args:
        train_dir: folder of the run.
        data_dir: folder of TensorFlow Datasets.
    """
    if data_dir is not None:
        _write(train_dir, {**_read(train_dir), 'data_dir': os.path.abspath(data_dir)})


def remember_determinism(train_dir: str, deterministic: bool) -> None:
    """Write down next to a run that its operations are deterministic, as of its latest start.

    Args:
        train_dir: folder of the run.
        deterministic: whether they are; nothing is written for False.
    """
    noted = _read(train_dir)
    if deterministic:
        _write(train_dir, {**noted, 'deterministic': True})
    elif noted.pop('deterministic', False):
        _write(train_dir, noted)


def remembered_data_dir(train_dir: str) -> str | None:
    """Return the folder of the data that a run was trained with, or None if it is unknown or gone.

    Args:
        train_dir: folder of the run.
    """
    found = _read(train_dir).get('data_dir')
    return (
        found if isinstance(found, str) and os.path.isabs(found) and os.path.isdir(found) else None
    )


def _read(train_dir: str) -> dict[str, Any]:
    """Return what is written down; nothing of a file that is missing or damaged."""
    try:
        with open(os.path.join(train_dir, MACHINE), encoding='utf-8') as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(train_dir: str, noted: dict[str, Any]) -> None:
    files.write_json(os.path.join(train_dir, MACHINE), noted)
