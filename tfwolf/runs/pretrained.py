"""The run of a pretrained model: its first use makes it in a cache, later ones find it there."""

from __future__ import annotations

import os
import pathlib
import shutil
import tempfile

from tfwolf.core.file_lock import file_lock
from tfwolf.core.files import sha256
from tfwolf.core.paths import for_tensorflow
from tfwolf.runs.pretrained_names import WEIGHTS, find_pretrained, pretrained_name

# Digits of the SHA-256 of the weights in the name of the cached run.
HASH_DIGITS = 12


def run_folder(train_dir: str | os.PathLike) -> str:
    """Return the folder of a run with `~` expanded, for `pretrained:NAME` that of `pretrained_run`.

    Raises:
        ValueError: if there is no pretrained model of that name, or TensorFlow cannot read from the
            path.
    """
    name = pretrained_name(train_dir)
    return for_tensorflow('train_dir', train_dir) if name is None else pretrained_run(name)


def pretrained_run(name: str) -> str:
    """Return the folder of a run with the weights of a pretrained model.

    The run lies in the cache of the user, `tfwolf/pretrained/NAME-HASH` in `$XDG_CACHE_HOME` or
    `~/.cache`. The first call makes it, and later calls find it. A damaged one is made again.

    Args:
        name: one of `pretrained_names()`.

    Raises:
        ValueError: if there is no such model, or the cache cannot be written.
    """
    from tfwolf.runs.packed_run import is_intact, unpack

    packed = find_pretrained(name)
    folder = cache_folder() / f'{name}-{sha256(packed / WEIGHTS)[:HASH_DIGITS]}'
    if is_intact(packed, folder):
        return str(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Processes that need it at the same time wait for the first one.
        with file_lock(f'{folder}.lock'):
            if not is_intact(packed, folder):
                with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f'{name}-') as aside:
                    unpack(packed, os.path.join(aside, 'run'))
                    if folder.exists():
                        shutil.move(folder, os.path.join(aside, 'damaged'))
                    os.rename(os.path.join(aside, 'run'), folder)
    except OSError as error:
        raise ValueError(
            f'The pretrained model {name!r} cannot be unpacked to {folder}: {error}. Set the '
            'environment variable XDG_CACHE_HOME to a folder that can be written.'
        ) from error
    return str(folder)


def cache_folder() -> pathlib.Path:
    """Return the folder in which runs of pretrained models are kept."""
    base = os.environ.get('XDG_CACHE_HOME') or os.path.join(os.path.expanduser('~'), '.cache')
    return pathlib.Path(base) / 'tfwolf' / 'pretrained'
