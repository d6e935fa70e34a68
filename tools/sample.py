"""Draws samples: `python tools/sample.py --train_dir=runs/digits --num_samples=64 --temperature_v=0.7`."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # so that a clone that is not installed will do
from tfwolf import quiet  # noqa: E402  # isort: skip  (before anything that imports TensorFlow)

import math
import os
import shutil

from absl import flags
import numpy as np

from tfwolf import command, tool
from tfwolf.evaluation.grids import captioned, image_grid, marked, to_rgb, write_png
from tfwolf.evaluation.sampling import draw_samples

NUM_SAMPLES = flags.DEFINE_integer('num_samples', 64, 'How many; with --temperatures how many a row.', lower_bound=1)
TEMPERATURE_V = flags.DEFINE_float('temperature_v', 1.0, "Factor on v's noise.", lower_bound=0.0)
TEMPERATURE_Z = flags.DEFINE_float('temperature_z', 1.0, 'Factor on the noise that the prior makes z from.', lower_bound=0.0)
TEMPERATURES = flags.DEFINE_list('temperatures', None, 'Instead: temperatures of both, a row of the same noise each, such as 0,0.25,0.6,0.7,0.8,0.9,1 '
                                 '(Glow, figure 8).')
LABEL = flags.DEFINE_integer('label', None, 'Class of all samples, for a model of classes.', lower_bound=0)
SAVE = flags.DEFINE_enum('save', 'none', ['none', 'png', 'npz'], 'Beside the grid: every sample as a PNG file in samples/, or all in samples.npz.')
# A grid of more is no picture any more.
MOST_SHOWN = 400


def main():
    """Runs the command."""
    temperatures = _temperatures()
    run = tool.trained()
    folder = tool.result_folder('sample', run, tool.settings(NUM_SAMPLES, TEMPERATURE_V, TEMPERATURE_Z, TEMPERATURES, LABEL, SAVE))
    coder = tool.coder(run.model)
    rows = temperatures or [(TEMPERATURE_V.value, TEMPERATURE_Z.value)]
    drawn = [draw_samples(coder, NUM_SAMPLES.value, command.SEED.value, *row, LABEL.value) for row in rows]
    images, finite = (np.concatenate(parts) for parts in zip(*drawn))
    folder.picture('samples', _grid(images, finite, temperatures))
    if SAVE.value != 'none':
        _save(folder, images, finite)
    not_finite = np.flatnonzero(~finite).tolist()
    if not_finite:
        print(f'WARNING: {len(not_finite)} of {len(finite)} samples hold values that are not finite; they are crossed out in the grid, black in '
              'samples.npz and have no PNG file. Lower temperatures give fewer.')
    folder.finish({'num_samples': len(finite), 'num_not_finite': len(not_finite), 'not_finite': not_finite,
                   'temperatures': [{'temperature_v': of_v, 'temperature_z': of_z, 'num_not_finite': int((~part.finite).sum())}
                                    for (of_v, of_z), part in zip(rows, drawn)]})


def _temperatures():
    """Returns the pairs that `--temperatures` stands for, or None.

    Raises:
        ValueError: if one is not a number of at least 0, or another temperature is given too.
    """
    if TEMPERATURES.value is None:
        return None
    if TEMPERATURE_V.present or TEMPERATURE_Z.present:
        raise ValueError('--temperatures sets those of v and of z; give it alone.')
    try:
        values = [float(text) for text in TEMPERATURES.value]
    except ValueError:
        values = []
    if not values or not all(0 <= value < math.inf for value in values):
        raise ValueError(f'--temperatures must be numbers of at least 0 with commas between, such as 0,0.7,1; got {",".join(TEMPERATURES.value)!r}.')
    return [(value, value) for value in values]


def _grid(images, finite, temperatures):
    shown = marked(images, finite)
    if temperatures:
        shown = shown.reshape(len(temperatures), -1, *shown.shape[1:])[:, :MOST_SHOWN // len(temperatures)]
        grid = image_grid(shown.reshape(-1, *shown.shape[2:]), columns=shown.shape[1])
        return captioned(grid, [f'{value:g}' for value, _ in temperatures])
    return image_grid(shown[:MOST_SHOWN], columns=math.ceil(math.sqrt(min(len(shown), MOST_SHOWN))))


def _save(folder, images, finite):
    if SAVE.value == 'npz':
        # Of the keys that `--gin_param="dataset.source = 'npz:...'"` reads.
        np.savez_compressed(folder.path('samples.npz'), images=images, finite=finite)
        folder.wrote('samples.npz')
        return
    shutil.rmtree(folder.path('samples'), ignore_errors=True)
    for number in np.flatnonzero(finite):
        write_png(os.path.join(folder.path('samples'), f'{number:06}.png'), to_rgb(images[number]))
    folder.wrote('samples/')


if __name__ == '__main__':
    command.run(main)
