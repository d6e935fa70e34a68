"""Where the first weights of a run are from, if they were not initialized from its images."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping

from tfwolf.core import files
from tfwolf.training import run_directory

KEYS = ('source', 'kind', 'checkpoint', 'sha256', 'weights')
# Other characters may have a meaning in Markdown or HTML; the file may be a stranger's.
SPECIAL = re.compile(r'[^\w .,:/@+~=-]')
MOST_CHARACTERS = 500


def write_origin(train_dir: str, origin: Mapping[str, str] | None) -> None:
    """Write down where the first weights of a run are from.

    Args:
        train_dir: folder of the run.
        origin: text for each of `KEYS`; None if they are initialized, which removes what an earlier
            start has written that was stopped before its first checkpoint.
    """
    path = os.path.join(train_dir, run_directory.ORIGIN)
    if origin is not None:
        files.write_json(path, dict(origin))
    elif os.path.lexists(path):
        os.remove(path)


def read_origin(train_dir: str) -> dict[str, str] | None:
    """Return where the first weights of a run are from, None if they were initialized.

    Args:
        train_dir: folder of the run. A damaged file in it counts as none.

    Returns:
        A dict of `source` (a folder, or `pretrained:NAME`), `kind` (what that holds), `checkpoint`,
        `sha256` (of the checkpoint's index, or of the file of weights) and `weights` ('raw' or
        'averaged').
    """
    try:
        with open(os.path.join(train_dir, run_directory.ORIGIN), encoding='utf-8') as file:
            found = json.load(file)
        return {key: SPECIAL.sub('_', found[key][:MOST_CHARACTERS]) for key in KEYS}
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        return None


def describe_origin(origin: Mapping[str, str]) -> str:
    """Return the origin of weights as a part of a sentence, without the folders above its own."""
    name = os.path.basename(origin['source'])
    return f'the {origin["weights"]} weights of {name} ({origin["kind"]}, {origin["checkpoint"]})'


def origin_in_results(train_dir: str) -> dict[str, dict[str, str]]:
    """Return what results say of the origin of a run's weights: nothing without one.

    Args:
        train_dir: folder of the run.
    """
    origin = read_origin(train_dir)
    return {} if origin is None else {'initialized_from': origin}
