"""The names of the pretrained models and their folders in the package.

A pretrained model is a folder `tfwolf/pretrained/NAME` with `config.gin`, `weights.npz` in half
precision, `evaluation.json`, `samples.png` and a model card `README.md`. `tfwolf pack` makes it.
"""

from __future__ import annotations

import os
import pathlib

from tfwolf.core.messages import did_you_mean

SHIPPED = pathlib.Path(__file__).resolve().parents[1] / 'pretrained'
WEIGHTS = 'weights.npz'
# In place of the folder of a run: `pretrained:digits`.
PREFIX = 'pretrained:'


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
