"""Draws samples: `python tools/sample.py --train_dir=runs/digits --num_samples=64
--temperature_v=0.7`.
"""

import pathlib
import sys

sys.path.insert(
    0, str(pathlib.Path(__file__).resolve().parents[1])
)  # so that a clone that is not installed will do

import math

import numpy as np

from tfwolf.analysis.sampling import draw_samples
from tfwolf.commands import flags, opening
from tfwolf.commands import main as command
from tfwolf.pictures.grids import captioned, image_grid, marked
from tfwolf.runs.results import ResultFolder

MOST_SHOWN = 400


def define_flags(options: flags.Flags) -> None:
    """Defines the flags of this command alone."""
    options.integer(
        'num_samples', 64, 'How many; with --temperatures how many a row.', lower_bound=1
    )
    options.real('temperature_v', 1.0, "Factor on v's noise.", lower_bound=0.0)
    options.real(
        'temperature_z', 1.0, 'Factor on the noise that the prior makes z from.', lower_bound=0.0
    )
    options.list(
        'temperatures',
        None,
        'Instead: temperatures of both, a row of the same noise each, such as '
        '0,0.25,0.6,0.7,0.8,0.9,1 '
        '(Glow, figure 8).',
    )
    options.integer('label', None, 'Class of all samples, for a model of classes.', lower_bound=0)
    options.choice(
        'save',
        'none',
        ['none', 'png', 'npz'],
        'Beside the grid: every sample as a PNG file in samples/, or all in samples.npz.',
    )


def main(options: flags.Flags) -> None:
    """Runs the command."""
    temperatures = _temperatures(options)
    run = opening.open_run(options)
    settings = options.chosen(
        'num_samples', 'temperature_v', 'temperature_z', 'temperatures', 'label', 'save'
    )
    folder = opening.result_folder(options, 'sample', run, settings)
    coder = opening.coder(options, run)
    rows = temperatures or [(options.temperature_v, options.temperature_z)]
    drawn = [
        draw_samples(coder, options.num_samples, options.seed, *row, options.label) for row in rows
    ]
    images, finite = (np.concatenate(parts) for parts in zip(*drawn))
    folder.picture('samples', _grid(images, finite, temperatures))
    _save(options.save, folder, images, finite)
    not_finite = np.flatnonzero(~finite).tolist()
    if not_finite:
        print(
            f'WARNING: {len(not_finite)} of {len(finite)} samples hold values that are not '
            'finite; they are crossed out in the grid, black in '
            'samples.npz and have no PNG file. Lower temperatures give fewer.'
        )
    folder.finish(
        {
            'num_samples': len(finite),
            'num_not_finite': len(not_finite),
            'not_finite': not_finite,
            'temperatures': [
                {
                    'temperature_v': of_v,
                    'temperature_z': of_z,
                    'num_not_finite': int((~part.finite).sum()),
                }
                for (of_v, of_z), part in zip(rows, drawn)
            ],
        }
    )


def _temperatures(options: flags.Flags) -> list[tuple[float, float]] | None:
    """Returns the pairs that --temperatures stands for, or None."""
    values = options.numbers('temperatures', '0,0.7,1')
    if values and (options.given('temperature_v') or options.given('temperature_z')):
        raise ValueError('--temperatures sets those of v and of z; give it alone.')
    return values and [(value, value) for value in values]


def _grid(images: np.ndarray, finite: np.ndarray, temperatures: list | None) -> np.ndarray:
    shown = marked(images, finite)
    if temperatures:
        shown = shown.reshape(len(temperatures), -1, *shown.shape[1:])[
            :, : MOST_SHOWN // len(temperatures)
        ]
        grid = image_grid(shown.reshape(-1, *shown.shape[2:]), columns=shown.shape[1])
        return captioned(grid, [f'{value:g}' for value, _ in temperatures])
    return image_grid(shown[:MOST_SHOWN], columns=math.ceil(math.sqrt(min(len(shown), MOST_SHOWN))))


def _save(save: str, folder: ResultFolder, images: np.ndarray, finite: np.ndarray) -> None:
    if save == 'npz':
        # Of the keys that `--gin_param="dataset.source = 'npz:...'"` reads.
        np.savez_compressed(folder.path('samples.npz'), images=images, finite=finite)
        folder.wrote('samples.npz')
    elif save == 'png':
        folder.pictures(
            'samples', {f'{number:06}': images[number] for number in np.flatnonzero(finite)}
        )


if __name__ == '__main__':
    command.run(main, define_flags, flags.results)
