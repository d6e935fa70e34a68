"""Which run the flags name: --train_dir=FOLDER (or pretrained:NAME), or --pretrained=NAME."""

from __future__ import annotations

from tfwolf.cli.flags import Flags
from tfwolf.runs import pretrained, pretrained_names
from tfwolf.runs.pretrained_names import PREFIX


def chosen_run(options: Flags) -> str | None:
    """Return the folder of a run, 'pretrained:NAME', or None if the flags name neither.

    Nothing is unpacked and TensorFlow is not imported, so that a typo is answered at once.

    Raises:
        ValueError: if both flags are given, or there is no such pretrained model.
    """
    train_dir = getattr(options, 'train_dir', None)
    if name := getattr(options, 'pretrained', None):
        if train_dir:
            raise ValueError(
                f'Give --train_dir or --pretrained, not both; got --train_dir={train_dir} and '
                f'--pretrained={name}.'
            )
        train_dir = f'{PREFIX}{name}'
    if (name := pretrained_names.pretrained_name(train_dir)) is not None:
        pretrained_names.find_pretrained(name)
    return train_dir


def pretrained_name(options: Flags) -> str | None:
    """Return the name of the pretrained model that the flags name, or None."""
    return pretrained_names.pretrained_name(chosen_run(options))


def run_folder(options: Flags) -> str:
    """Return the folder of the run that the flags name; a pretrained model is unpacked first.

    Raises:
        ValueError: if they name none.
    """
    chosen = chosen_run(options)
    if not chosen:
        raise ValueError(
            'A run is required: give --train_dir=FOLDER, or --pretrained=NAME for a model of the '
            f'package ({", ".join(pretrained_names.pretrained_names())}).'
        )
    return pretrained.run_folder(chosen)
