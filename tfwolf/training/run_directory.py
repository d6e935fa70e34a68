"""The folder of a run: names of its files, and checks before it is used."""

from __future__ import annotations

import difflib
import fnmatch
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from tfwolf.core.files import UNFINISHED
from tfwolf.core.outside_links import check_no_outside_links

# Bindings that may change when a run is continued: they do not affect the trained weights.
FREE_BINDINGS = (
    'train.max_steps',
    'train.checkpoint_every',
    'train.evaluate_every',
    'train.log_every',
    'train.picture_every',
    'train.keep_checkpoints',
    'train.num_pictures',
    'train.evaluation_batch_size',
    'train.test_samples',
    'train.test_images',
)
CONFIG = 'config.gin'
CURVES = 'curves.csv'
# What the run stored of its images: in short, and the names and checksums of single images.
DATA, DATA_IMAGES = 'data.json', 'data_images.json.gz'
LOCK = 'training.lock'
# Where the first weights of the run are from; without it, they were initialized.
ORIGIN = 'initialized_from.json'
EVALUATION = 'evaluation.json'
IMAGES = 'evaluation_images.csv'
PREPARATION = 'preparation'
RESUME_CACHE = 'evaluation.unfinished.npz'
TENSORBOARD = 'tensorboard'
# What may lie in a folder before its first run: logs of the command, what file systems put there,
# and what a process that was killed early leaves.
IGNORED = (
    '.*',
    'lost+found',
    '*.log',
    '*.out',
    '*.err',
    'log',
    'log.txt',
    'stdout*',
    'stderr*',
    '*.lock',
    DATA,
    DATA_IMAGES,
    *(f'{name}{UNFINISHED}' for name in (CONFIG, DATA, DATA_IMAGES)),
)


def check(train_dir: str) -> None:
    """Check that a folder contains a run, or nothing that matters, or does not exist.

    Raises:
        ValueError: if it contains other files.
    """
    if not os.path.isdir(train_dir) or os.path.exists(os.path.join(train_dir, CONFIG)):
        return
    others = [
        name
        for name in sorted(os.listdir(train_dir))
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in IGNORED)
    ]
    if others:
        raise ValueError(
            f'The folder {train_dir} contains other files, such as {others[0]!r}, and no run of '
            f'tfwolf (no {CONFIG}); nothing was written. Choose another --train_dir.'
        )


def prepare(
    train_dir: str,
    config: str,
    bindings: Callable[[str], Mapping[str, object]],
    resume: bool,
    override: bool = False,
) -> None:
    """Create the folder, or check that its run can be continued; nothing is written to it.

    Args:
        train_dir: folder of the run.
        config: text of the requested configuration.
        bindings: function from such a text to `{name: value}`.
        resume: whether an existing run may be continued.
        override: whether it may be continued with another configuration; the difference is printed.

    Raises:
        ValueError: if the folder contains other files, a run that may not be continued with this
            configuration, or a link that leads outside. Nothing is overwritten.
    """
    path = os.path.join(train_dir, CONFIG)
    check(train_dir)
    if os.path.exists(path):
        if not resume:
            raise ValueError(
                f'{train_dir} already contains a run, and --noresume forbids to continue it; '
                'nothing was written. Choose another --train_dir, or remove --noresume.'
            )
        check_no_outside_links(train_dir)
        with open(path, encoding='utf-8') as file:
            changes = _changes(bindings(file.read()), bindings(config))
        if changes and not override:
            raise ValueError(
                f'{train_dir} contains a run with another configuration (- old, + requested); '
                'nothing was changed. Use another --train_dir, the old configuration, or '
                '--override_config to continue with the new one.\n' + changes
            )
        if changes:
            print(f'The configuration of {train_dir} changes (- old, + new):\n{changes}')
    os.makedirs(train_dir, exist_ok=True)


def read_evaluation(train_dir: str) -> dict[str, Any] | None:
    """Return the result of the last evaluation of a run, None if there is none or it is damaged."""
    try:
        with open(os.path.join(train_dir, EVALUATION), encoding='utf-8') as file:
            result = json.load(file)
    except (OSError, ValueError, RecursionError):
        return None
    return result if isinstance(result, dict) and 'checkpoint_sha256' in result else None


def _changes(before: Mapping[str, object], now: Mapping[str, object]) -> str:
    old, new = (
        [
            f'{name} = {value}'
            for name, value in sorted(side.items())
            if name.removeprefix('tfwolf.') not in FREE_BINDINGS
        ]
        for side in (before, now)
    )
    return '\n'.join(line for line in difflib.ndiff(old, new) if line[0] in '+-')
