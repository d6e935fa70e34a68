"""What the tools of pictures and tables share: their flags, the trained model, images to show, the folder of results."""
import os

from absl import flags
import numpy as np
import tensorflow as tf

from tfwolf import command
from tfwolf.data.fit import Fit
from tfwolf.data.folder import read_image
from tfwolf.evaluation.coder import Coder
from tfwolf.results import ResultFolder
from tfwolf.trained import load_trained
from tfwolf.training.averages import CHOICES

CHECKPOINT = flags.DEFINE_string('checkpoint', 'latest', "'latest', 'best' (on validation) or the number of a step.")
WEIGHTS = flags.DEFINE_enum('weights', 'auto', CHOICES, 'The weights, or their averages (train.ema_decay; averaged and ema '
                            'are the same); auto: the averages where there are any.')
OUTPUT_DIR = flags.DEFINE_string('output_dir', None, 'Folder of the results; default: TRAIN_DIR/results/CHECKPOINT/TOOL.')
OVERWRITE = flags.DEFINE_bool('overwrite', False, 'Replace results in --output_dir that were made with other settings or of another checkpoint.')
BATCH_SIZE = flags.DEFINE_integer('batch_size', 64, 'Images that are encoded or decoded at a time.', lower_bound=1)
SPLIT = flags.DEFINE_enum('split', 'test', ['train', 'validation', 'test'], 'Where images come from.')


def trained():
    """Returns the `Trained` model that the flags name.

    Raises:
        ValueError: as `load_trained` does.
    """
    found = load_trained(command.train_dir(), CHECKPOINT.value, WEIGHTS.value, command.GIN_FILE.value, command.gin_params(), command.DATA_DIR.value)
    print(f'{found.checkpoint}, {found.weights} weights', flush=True)
    return found


def coder(model):
    """Returns a `Coder` of the model with the batch size of the flags."""
    return Coder(model, BATCH_SIZE.value, show_progress=True)


def result_folder(tool, run, settings):
    """Returns the `ResultFolder` of a tool.

    Args:
        tool: its name.
        run: the `Trained` model.
        settings: `{name: JSON value}` of whatever else the results depend on, see `settings`.
    """
    folder = OUTPUT_DIR.value or os.path.join(run.train_dir, 'results', os.path.basename(run.checkpoint), tool)
    made_from = {'tool': tool, **run.identity, 'seed': command.SEED.value, **settings}
    return ResultFolder(folder, made_from, run.step, OVERWRITE.value)


def settings(*given):
    """Returns `{name: value}` of flags."""
    return {flag.name: flag.value for flag in given}


class Examples:
    """Images of the split that the flags name, with their labels and positions.

    Args:
        dataset: an `ImageDataset`.

    Attributes:
        split: the `Split`.
    """

    def __init__(self, dataset):
        self.title = f'{dataset.title}, {SPLIT.value}'
        self.split = getattr(dataset, SPLIT.value)
        if not self.split.num_examples:
            raise ValueError(f'The split {SPLIT.value!r} of {dataset.title} is empty. Name another --split.')

    def load(self, positions):
        """Returns (uint8 images `[n, height, width, channels]`, labels `[n]`, -1 where there are none) at positions of the split.

        Raises:
            ValueError: if the split has fewer images.
        """
        positions = np.asarray(positions)
        if positions.min() < 0 or positions.max() >= self.split.num_examples:
            raise ValueError(f'{self.title} has {self.split.num_examples:,} images, numbered from 0; number {positions.max()} is asked for. '
                             'Ask for fewer, or name another --split.')
        examples = self.split.load(tf.constant(positions, tf.int64))
        return examples['image'].numpy(), examples['label'].numpy()


def read_pictures(paths, image_shape, resize):
    """Returns the user's own image files as uint8 `[n, height, width, channels]`.

    Args:
        paths: list of files.
        image_shape: (height, width, channels) that the model is for.
        resize: whether they may be cropped to that shape and made smaller; else they must have it already.

    Raises:
        ValueError: if a file is missing, cannot be read, or has another size.
    """
    from PIL import Image
    height, width, channels = image_shape
    if channels not in (1, 3):
        raise ValueError(f'Image files have 1 or 3 channels; the model is for {channels}. Use images of its data set.')
    images = []
    for path in paths:
        if not os.path.isfile(path):
            raise ValueError(f'There is no file {path!r} (working directory: {os.getcwd()}).')
        try:
            with Image.open(path) as picture:
                size = (picture.height, picture.width)
        except OSError as error:
            raise ValueError(f'The image {path} cannot be decoded: {error}.') from error
        if size != (height, width) and not resize:
            raise ValueError(f'{path} is {size[0]}x{size[1]} (height x width), and the model is for {height}x{width}. '
                             'With --resize it is cropped and made smaller.')
        fit = Fit((height, width), 'center_crop')
        fit.check(f'The image {path}', size)
        images.append(read_image(path, fit, channels))
    return np.stack(images)
