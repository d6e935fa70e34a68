"""The folder of a run: whether it may be used, and the configuration that it keeps."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping

from tfwolf.core.files import UNFINISHED, write_text

# What may differ when a run is continued: how long, how often, where; not what is computed.
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
)
CONFIG = 'config.gin'
EVALUATION = 'evaluation.json'
IMAGES = 'evaluation_images.csv'
PREPARATION = 'preparation'
RESUME_CACHE = 'evaluation.unfinished.npz'


def prepare(
    train_dir: str,
    config: str,
    bindings: Callable[[str], Mapping[str, object]],
    resume: bool,
    override: bool = False,
) -> None:
    """Makes the folder, or checks that the run in it may go on with this configuration; writes
    `config.gin`.

    Args:
        train_dir: folder of the run.
        config: text of the configuration asked for.
        bindings: function from such a text to `{name: value}`.
        resume: whether an existing run may be continued.
        override: whether it may be although its configuration was another; the difference is
            printed.

    Raises:
        ValueError: if the folder is not a run's, or holds a run that may not be continued so.
            Nothing is overwritten then.
    """
    path = os.path.join(train_dir, CONFIG)
    # A process that was killed here before it wrote a configuration left nothing of worth.
    if os.path.isdir(train_dir) and set(os.listdir(train_dir)) - {f'{CONFIG}{UNFINISHED}'}:
        if not os.path.exists(path):
            raise ValueError(
                f'The folder {train_dir} is not empty and holds no run of tfwolf (no {CONFIG}); '
                'nothing was written. '
                'Choose another --train_dir.'
            )
        if not resume:
            raise ValueError(
                f'{train_dir} holds a run already; with --noresume nothing is overwritten. Choose '
                'another --train_dir, '
                'or leave --noresume out to continue it.'
            )
        with open(path, encoding='utf-8') as file:
            changes = _changes(bindings(file.read()), bindings(config))
        if changes and not override:
            raise ValueError(
                f'{train_dir} holds a run with another configuration (- its own, + asked for); '
                'nothing was changed. Use '
                'another --train_dir, that configuration, or --override_config to go on with the '
                'new one.\n' + changes
            )
        if changes:
            print(
                f'The configuration of {train_dir} changes (- its own, + from now on):\n{changes}'
            )
    os.makedirs(train_dir, exist_ok=True)
    write_text(path, config)


def _changes(before: Mapping[str, object], now: Mapping[str, object]) -> str:
    lines = [
        [
            f'{name} = {value}'
            for name, value in sorted(side.items())
            if name.removeprefix('tfwolf.') not in FREE_BINDINGS
        ]
        for side in (before, now)
    ]
    return '\n'.join(line for line in difflib.ndiff(*lines) if line[0] in '+-')
