"""Samples that are no pictures: vectors as a table, other values as an array."""

from __future__ import annotations

import numpy as np

from tfwolf.analysis.sampling import draw_samples
from tfwolf.cli import opening
from tfwolf.cli.class_choice import sampled_class
from tfwolf.cli.flags import Flags
from tfwolf.core import files
from tfwolf.runs.run import Run

PICTURES = ('temperatures', 'save', 'positions', 'images', 'condition_images')


def write_numbers(options: Flags, run: Run) -> None:
    """Write samples of continuous values or of 16 bits to the folder of results of `sample`.

    Vectors become `samples.csv`, a row each with the names of the features; other values the array
    `images` of `samples.npz`, which the source `npz:` reads.

    Args:
        options: the flags of `tfwolf sample`.
        run: the `Run`.

    Raises:
        ValueError: if a flag of pictures is given.
    """
    refused = [name for name in PICTURES if hasattr(options, name) and options.given(name)]
    if refused:
        raise ValueError(
            f'--{refused[0]} is of samples that are pictures of 8 bits; those of this run are '
            f'{run.model.values.image_type.name}.'
        )
    label = sampled_class(options.label, run)
    chosen = {**options.chosen('num_samples', 'temperature_v', 'temperature_z'), 'label': label}
    folder = opening.result_folder(options, 'sample', run, chosen)
    drawn = draw_samples(
        opening.coder(options, run),
        options.num_samples,
        options.seed,
        options.temperature_v,
        options.temperature_z,
        label,
    )
    if run.model.image_shape[:2] == (1, 1):
        features = run.dataset.features or range(1, run.model.image_shape[-1] + 1)
        rows = drawn.images.reshape(len(drawn.images), -1)
        lines = [','.join(map(str, features)), *(','.join(f'{x:.9g}' for x in row) for row in rows)]
        files.write_text(folder.path('samples.csv'), '\n'.join(lines) + '\n')
        folder.wrote('samples.csv')
    else:
        np.savez_compressed(folder.path('samples.npz'), images=drawn.images, finite=drawn.finite)
        folder.wrote('samples.npz')
    num_not_finite = int((~drawn.finite).sum())
    if num_not_finite:
        print(f'WARNING: {num_not_finite} of {len(drawn.finite)} samples are not finite.')
    folder.finish({'num_samples': len(drawn.finite), 'num_not_finite': num_not_finite})
