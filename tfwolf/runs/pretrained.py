"""Pretrained models: the package carries their weights, and the first use makes a run of them.

A pretrained model is a folder `tfwolf/pretrained/NAME` with `config.gin`, `weights.npz` in half
precision, `evaluation.json`, `samples.png` and a model card `README.md`. `tfwolf pack` makes it.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import tempfile

from tfwolf.core.file_lock import file_lock
from tfwolf.core.files import sha256
from tfwolf.core.messages import did_you_mean

SHIPPED = pathlib.Path(__file__).resolve().parents[1] / 'pretrained'
WEIGHTS = 'weights.npz'
# In place of the folder of a run: `pretrained:digits`.
PREFIX = 'pretrained:'
# Digits of the SHA-256 of the weights in the name of the cached run.
HASH_DIGITS = 12


def pretrained_names() -> list[str]:
    """Return the names of the pretrained models, in alphabetical order."""
    return sorted(path.parent.name for path in SHIPPED.glob(f'*/{WEIGHTS}'))


def find_pretrained(name: str) -> pathlib.Path:
    """Return the folder of a pretrained model in the package.

    Raises:
        ValueError: if there is none of that name.
    """
    names = pretrained_names()
    if name not in names:
        raise ValueError(
            f'There is no pretrained model {name!r}.{did_you_mean(name, names)} Available: '
            f'{", ".join(names)}.'
        )
    return SHIPPED / name


def pretrained_name(train_dir: str | os.PathLike | None) -> str | None:
    """Return NAME of `pretrained:NAME`, or None for the folder of a run."""
    text = os.fspath(train_dir or '')
    return text.removeprefix(PREFIX) if text.startswith(PREFIX) else None


def run_folder(train_dir: str | os.PathLike) -> str:
    """Return the folder of a run, for `pretrained:NAME` that of `pretrained_run`.

    Raises:
        ValueError: if there is no pretrained model of that name.
    """
    name = pretrained_name(train_dir)
    return os.fspath(train_dir) if name is None else pretrained_run(name)


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
