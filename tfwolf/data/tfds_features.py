"""Prepared data of TensorFlow Datasets (TFDS) name Python classes, whose modules TFDS imports."""

from __future__ import annotations

import json
import pathlib
import sys
from collections.abc import Iterator

FEATURES = 'features.json'
# Keys of the name of a class, in the present format and in the earlier one.
CLASSES = ('pythonClassName', 'type')
OWN = 'tensorflow_datasets.'


def check_features(folder: pathlib.Path) -> None:
    """Check that prepared data only name classes of TFDS, or of modules that are imported already.

    Args:
        folder: of a data set, with the folders of its configurations and versions.

    Raises:
        ValueError: naming the file and the class.
    """
    for depth in ('*', '*/*'):
        for path in sorted(folder.glob(f'{depth}/{FEATURES}')):
            try:
                content = json.loads(path.read_text(encoding='utf-8'))
            except (OSError, ValueError):  # TFDS says what is wrong with it
                continue
            for name in _classes(content):
                module = name.rpartition('.')[0]
                if not name.startswith(OWN) and module not in sys.modules:
                    raise ValueError(
                        f'{path} names the class {name!r}, and TFDS would import the module '
                        f'{module!r} to read the data. If you trust it, import it first, with '
                        f'--plugin={module}.'
                    )


def _classes(content: object) -> Iterator[str]:
    if isinstance(content, dict):
        for key, value in content.items():
            if key in CLASSES and isinstance(value, str) and '.' in value:
                yield value
            else:
                yield from _classes(value)
    elif isinstance(content, list):
        for value in content:
            yield from _classes(value)
