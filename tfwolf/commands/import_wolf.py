"""Import a model of the reference implementation."""

from __future__ import annotations

import os

from tfwolf.cli import program
from tfwolf.cli.flags import Flags

EXAMPLES = (
    'import --config_file=config.json --weights_file=model.npz --image_size=32,32 '
    '--output_dir=runs/imported',
)
# The data of the reference's models, by image size.
SOURCES = {
    (32, 32): 'tfds:cifar10',
    (64, 64): 'tfds:downsampled_imagenet/64x64',
    (128, 128): 'tfds:lsun/bedroom',
    (256, 256): 'tfds:celeb_a_hq/256',
}


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    options.group('Import')
    options.path(
        'config_file', None, "The model's JSON configuration, at the top or under `config`.", 'FILE'
    )
    options.path(
        'weights_file',
        None,
        'Its weights: the .pt file of the reference, or an .npz with the same names.',
        'FILE',
    )
    options.path('output_dir', None, 'New folder for config.gin and checkpoints.', 'FOLDER')
    options.list('image_size', None, 'Image size, which the configuration lacks.', 'HEIGHT,WIDTH')
    options.integer('num_bits', 8, 'Bits per pixel value, which the configuration lacks.', 1, 8)
    options.boolean('lu', False, 'Convert 1x1 convolutions and linear maps to triangular factors.')
    options.choice(
        'dtype',
        'auto',
        ['auto', 'float32', 'float64'],
        'Type of the checkpoint. auto: of the file.',
    )
    options.renamed('config', 'config_file')
    options.renamed('weights', 'weights_file')
    options.renamed('output', 'output_dir')


def main(options: Flags) -> None:
    """Run the command."""
    import tensorflow as tf

    from tfwolf.core import files
    from tfwolf.core.variables import count_parameters
    from tfwolf.reference.configuration import gin_bindings
    from tfwolf.reference.configuration import read_configuration as read_reference
    from tfwolf.reference.weights import load_weights, read_weights
    from tfwolf.runs.configuration import read_configuration
    from tfwolf.training import run_directory
    from tfwolf.training.checkpoint_files import publish
    from tfwolf.training.checkpoints import LATEST

    options.require('config_file', 'weights_file', 'output_dir', 'image_size')
    image_size = _image_size(options.image_size)
    if os.path.exists(options.output_dir) and (
        not os.path.isdir(options.output_dir) or os.listdir(options.output_dir)
    ):
        raise ValueError(
            f'--output_dir={options.output_dir} exists and is not an empty folder; nothing was '
            'written.'
        )
    bindings, notices = gin_bindings(
        read_reference(options.config_file), image_size, options.num_bits, options.lu
    )
    arrays = read_weights(options.weights_file)
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
    os.makedirs(options.output_dir, exist_ok=True)
    path = publish(
        tf.train.Checkpoint(model=model), os.path.join(options.output_dir, LATEST), step=0, keep=1
    )
    gin_file = os.path.join(options.output_dir, run_directory.CONFIG)
    sources = (os.path.basename(path) for path in (options.config_file, options.weights_file))
    header = f'# Imported from {" and ".join(sources)}.\n'
    files.write_text(gin_file, header + '\n'.join(bindings) + '\n')
    source = SOURCES.get(image_size, 'folder:IMAGES')
    evaluate = program.command_line(
        'evaluate', f'--train_dir={options.output_dir}', f'--gin_param=dataset.source = {source!r}'
    )
    print(
        f'{len(arrays)} arrays, {count_parameters(model):,} parameters, {dtype}\n  checkpoint: '
        f'{path}\n  gin file:   {gin_file}\n'
        f'Next:\n  {evaluate} --data_dir=DATA'
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
