"""Imports a model of the reference: `python tools/import_wolf.py --config=config.json --weights=model.npz --image_size=32,32 --output=DIR`."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # so that a clone that is not installed will do
from tfwolf import quiet  # noqa: E402  # isort: skip  (before anything that imports TensorFlow)

import os

from absl import flags
import tensorflow as tf

from tfwolf import command
from tfwolf.experiment import Experiment
from tfwolf.reference.configuration import gin_bindings, read_configuration
from tfwolf.reference.weights import load_weights, read_weights
from tfwolf.training import run_directory
from tfwolf.training.checkpoint_files import publish
from tfwolf.training.checkpoints import LATEST
from tfwolf.variables import count_parameters

CONFIG = flags.DEFINE_string('config', None, "The model's JSON configuration, alone or under `config`.")
WEIGHTS = flags.DEFINE_string('weights', None, 'Its weights: the .pt that the reference saves, or a .npz of the same names.')
OUTPUT = flags.DEFINE_string('output', None, 'Folder to make: config.gin and checkpoints/.')
IMAGE_SIZE = flags.DEFINE_list('image_size', None, 'height,width of the images, which the configuration does not hold.')
NUM_BITS = flags.DEFINE_integer('num_bits', 8, 'Bits per colour value, which the configuration does not hold.', 1, 8)
LU = flags.DEFINE_bool('lu', False, 'Convert 1x1 convolutions and linear maps to products of triangular matrices.')
FLOAT_TYPE = flags.DEFINE_enum('dtype', 'auto', ['auto', 'float32', 'float64'], "Floating type of the checkpoint; auto: the file's.")


def main():
    """Runs the command."""
    for flag in (CONFIG, WEIGHTS, OUTPUT, IMAGE_SIZE):
        if not flag.value:
            raise ValueError(f'--{flag.name} must be given. See --help.')
    image_size = _image_size()
    if os.path.exists(OUTPUT.value) and (not os.path.isdir(OUTPUT.value) or os.listdir(OUTPUT.value)):
        raise ValueError(f'--output={OUTPUT.value} exists and is not an empty folder; nothing was written.')
    bindings, notices = gin_bindings(read_configuration(CONFIG.value), image_size, NUM_BITS.value, LU.value)
    arrays = read_weights(WEIGHTS.value)
    dtype = FLOAT_TYPE.value
    if dtype == 'auto':
        dtype = 'float64' if any(array.dtype == 'float64' for array in arrays.values()) else 'float32'
    bindings.append(f'Wolf.dtype = {dtype!r}')
    for notice in notices:
        print(f'notice: {notice}')
    command.parse_gin([], bindings)
    parts = Experiment()
    model = parts.make_model(image_shape=parts.find_image_shape(None), seed=0)
    load_weights(model, arrays)
    os.makedirs(OUTPUT.value, exist_ok=True)
    path = publish(tf.train.Checkpoint(model=model), os.path.join(OUTPUT.value, LATEST), step=0, keep=1)
    gin_file = os.path.join(OUTPUT.value, run_directory.CONFIG)
    header = f'# Imported from {os.path.basename(CONFIG.value)} and {os.path.basename(WEIGHTS.value)}.\n'
    run_directory.write_text(gin_file, header + '\n'.join(bindings) + '\n')
    print(f'{len(arrays)} arrays, {count_parameters(model):,} parameters, {dtype}\n  checkpoint: {path}\n  gin file:   {gin_file}\n'
          f'Next:\n  python -m tfwolf.evaluate --train_dir={OUTPUT.value} --gin_param="dataset.source = \'tfds:cifar10\'" --data_dir=DATA')


def _image_size():
    try:
        height, width = (int(side) for side in IMAGE_SIZE.value)
    except ValueError:
        raise ValueError(f'--image_size must be height,width, for example 32,32; got {",".join(IMAGE_SIZE.value)}.') from None
    if min(height, width) < 1:
        raise ValueError(f'--image_size must hold two positive numbers; got {height},{width}.')
    return height, width


if __name__ == '__main__':
    command.run(main)
