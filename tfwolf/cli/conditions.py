"""The conditions of samples: of images of the run's data set, of the user's images, or files."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np

from tfwolf.cli.flags import Flags
from tfwolf.cli.images import chosen_images, named_files, read_files
from tfwolf.core.files import sha256
from tfwolf.runs.run import Run

# Flags that choose conditions.
FLAGS = ('num_images', 'split', 'positions', 'images', 'resize', 'condition_images')


class Conditions(NamedTuple):
    """Conditions of samples.

    Attributes:
        values: uint8 `[num_images, *condition.reduced_shape]`.
        images: uint8 `[num_images, height, width, channels]`, of which they are; None for files of
            conditions.
        details: what a result says about them.
    """

    values: np.ndarray
    images: np.ndarray | None
    details: dict


def chosen_conditions(options: Flags, run: Run) -> Conditions | None:
    """Return the `Conditions` that the flags choose; None for a model without a condition.

    Args:
        options: the flags.
        run: the `Run`.

    Raises:
        ValueError: if the flags contradict each other or the model, or a file does not fit.
    """
    model = run.model
    if model.condition is None:
        for flag in FLAGS:
            if options.given(flag):
                raise ValueError(
                    f'--{flag} is for a model with a condition (Wolf.condition); this model has '
                    'none.'
                )
        return None
    about = {'condition': model.condition.description}
    if not options.condition_images:
        chosen = chosen_images(options, run, options.num_images)
        values = np.asarray(model.condition_of(chosen.images))
        return Conditions(values, chosen.images, {**about, **chosen.details})
    for flag in ('num_images', 'split', 'positions', 'images'):
        if options.given(flag):
            raise ValueError(
                f'--condition_images does not accept --{flag}. Give one of them: the former are '
                'conditions, the latter images of which conditions are computed.'
            )
    paths = named_files(options.condition_images)
    values = read_files(paths, model.condition.reduced_shape, options.resize, 'the condition is')
    return Conditions(
        values,
        None,
        {
            **about,
            'condition_images': [os.path.basename(path) for path in paths],
            'sha256': [sha256(path) for path in paths],
        },
    )
