"""Imports a model of the reference: `python tools/import_wolf.py --config=config.json
--weights=model.npz --image_size=32,32 --output=DIR`.
"""

import pathlib
import sys

sys.path.insert(
    0, str(pathlib.Path(__file__).resolve().parents[1])
)  # so that a clone that is not installed will do

import os

import tensorflow as tf

from tfwolf.commands import flags
from tfwolf.commands import main as command
from tfwolf.core import files
from tfwolf.core.variables import count_parameters
from tfwolf.reference.configuration import gin_bindings
from tfwolf.reference.configuration import read_configuration as read_reference
from tfwolf.reference.weights import load_weights, read_weights
from tfwolf.runs.configuration import read_configuration
from tfwolf.training import run_directory
from tfwolf.training.checkpoint_files import publish
from tfwolf.training.checkpoints import LATEST


def define_flags(options: flags.Flags) -> None:
    """Defines the flags of this command."""
    options.string('config', None, "The model's JSON configuration, alone or under `config`.")
    options.string(
        'weights',
        None,
        'Its weights: the .pt that the reference saves, or a .npz of the same names.',
    )
    options.string('output', None, 'Folder to make: config.gin and checkpoints/.')
    options.list(
        'image_size', None, 'height,width of the images, which the configuration does not hold.'
    )
    options.integer(
        'num_bits', 8, 'Bits per colour value, which the configuration does not hold.', 1, 8
    )
    options.boolean(
        'lu', False, 'Convert 1x1 convolutions and linear maps to products of triangular matrices.'
    )
    options.choice(
        'dtype',
        'auto',
        ['auto', 'float32', 'float64'],
        "Floating type of the checkpoint; auto: the file's.",
    )


def main(options: flags.Flags) -> None:
    """Runs the command."""
    for flag in ('config', 'weights', 'output', 'image_size'):
        if not getattr(options, flag):
            raise ValueError(f'--{flag} must be given. See --help.')
    image_size = _image_size(options.image_size)
    if os.path.exists(options.output) and (
        not os.path.isdir(options.output) or os.listdir(options.output)
    ):
        raise ValueError(
            f'--output={options.output} exists and is not an empty folder; nothing was written.'
        )
    bindings, notices = gin_bindings(
        read_reference(options.config), image_size, options.num_bits, options.lu
    )
    arrays = read_weights(options.weights)
    dtype = options.dtype
    if dtype == 'auto':
        dtype = (
            'float64' if any(array.dtype == 'float64' for array in arrays.values()) else 'float32'
        )
    bindings.append(f'Wolf.dtype = {dtype!r}')
    for notice in notices:
        print(f'notice: {notice}')
    experiment = read_configuration(params=bindings).experiment()
    model = experiment.make_model(experiment.find_image_shape(), seed=0)
    load_weights(model, arrays)
    os.makedirs(options.output, exist_ok=True)
    path = publish(
        tf.train.Checkpoint(model=model), os.path.join(options.output, LATEST), step=0, keep=1
    )
    gin_file = os.path.join(options.output, run_directory.CONFIG)
    header = f'# Imported from {os.path.basename(options.config)} and {os.path.basename(options.weights)}.\n'
    files.write_text(gin_file, header + '\n'.join(bindings) + '\n')
    print(
        f'{len(arrays)} arrays, {count_parameters(model):,} parameters, {dtype}\n  checkpoint: '
        f'{path}\n  gin file:   {gin_file}\n'
        f'Next:\n  python -m tfwolf.evaluate --train_dir={options.output} '
        '--gin_param="dataset.source = \'tfds:cifar10\'" --data_dir=DATA'
    )


def _image_size(texts: list[str]) -> tuple[int, int]:
    try:
        height, width = (int(side) for side in texts)
    except ValueError:
        raise ValueError(
            f'--image_size must be height,width, for example 32,32; got {",".join(texts)}.'
        ) from None
    if min(height, width) < 1:
        raise ValueError(f'--image_size must hold two positive numbers; got {height},{width}.')
    return height, width


if __name__ == '__main__':
    command.run(main, define_flags)
