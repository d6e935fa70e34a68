"""The images that a tool is to show: of a split of the model's data set, or the user's own files."""
import os
from typing import NamedTuple, Optional

from absl import flags
import numpy as np
import tensorflow as tf

from tfwolf import command
from tfwolf.data.fit import Fit
from tfwolf.data.image_file import read_header, read_image
from tfwolf.evaluation.provenance import file_sha256

SPLIT = flags.DEFINE_enum('split', 'test', ['train', 'validation', 'test'], 'Where images come from.')
POSITIONS = flags.DEFINE_list('positions', None, 'Which images of the split, as numbers from 0 with commas between; default: the first ones.')
IMAGES = flags.DEFINE_list('images', None, 'Image files of your own instead, with commas between.')
RESIZE = flags.DEFINE_bool('resize', False, 'Crop --images to the shape that the model is for, and make them smaller.')


class Chosen(NamedTuple):
    """Images to show.

    Attributes:
        images: uint8 `[num_images, height, width, channels]`.
        labels: integers `[num_images]`, -1 where there are none; None for the user's own files.
        names: for each where it comes from: the name of a file, or its number in the split.
        source: the title of the split, or None for the user's own files.
        sha256: of the user's own files, or None.
    """

    images: np.ndarray
    labels: Optional[np.ndarray]
    names: list
    source: Optional[str]
    sha256: Optional[list] = None

    @property
    def details(self):
        """What a result says about them."""
        return {'source': self.source, 'images': self.names, 'sha256': self.sha256,
                'labels': None if self.labels is None else self.labels.tolist()}


def chosen_images(run, count, choose=None):
    """Returns the `Chosen` images: those of `--images`, those at `--positions`, or else `count` of the split.

    Args:
        run: the `Trained` model.
        count: how many, where the flags name none.
        choose: function from a `LabelledSplit` and `count` to positions `[count]`; None takes the first.

    Raises:
        ValueError: if the flags contradict each other, an image does not fit the model, or there are not as many.
    """
    if IMAGES.value:
        for flag in (POSITIONS, SPLIT):
            if flag.present:
                raise ValueError(f'--images are files of your own, which --{flag.name} has no use for. Give one of them.')
        if choose is not None:
            raise ValueError('--images have no class labels. Leave out the flag that needs them, or show images of the data set.')
        if run.model.latent.num_classes is not None:
            raise ValueError('--images have no class labels, which this model makes z from. Show images of its data set with --positions.')
        images = _read(IMAGES.value, run.model.image_shape)
        return Chosen(images, None, [os.path.basename(path) for path in IMAGES.value], None, [file_sha256(path) for path in IMAGES.value])
    if RESIZE.value:
        raise ValueError('--resize is for --images; images of the data set have the shape of the model.')
    split = LabelledSplit(run.open_dataset(command.DATA_DIR.value, command.DOWNLOAD.value))
    if POSITIONS.value:
        if choose is not None:
            raise ValueError('--positions names images, and another flag asks to choose them by class. Give one of them.')
        positions = _numbers(POSITIONS.value)
    else:
        positions = np.arange(count) if choose is None else choose(split, count)
    return Chosen(*split.load(positions), np.asarray(positions).tolist(), split.title)


class LabelledSplit:
    """The split that `--split` names.

    Args:
        dataset: an `ImageDataset`.

    Attributes:
        split: the `Split`.
        title: its name and the data set's, as printed.
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
            asked = positions.min() if positions.min() < 0 else positions.max()
            raise ValueError(f'{self.title} has {self.split.num_examples:,} images, numbered from 0; number {asked} is asked for. '
                             'Ask for fewer, or name another --split.')
        examples = self.split.load(tf.constant(positions, tf.int64))
        return examples['image'].numpy(), examples['label'].numpy()


def _numbers(texts):
    try:
        return np.array([int(text) for text in texts])
    except ValueError:
        raise ValueError(f'--positions must be integers with commas between, such as 3,17; got {",".join(texts)!r}.') from None


def _read(paths, image_shape):
    height, width, channels = image_shape
    if channels not in (1, 3):
        raise ValueError(f'Image files have 1 or 3 channels, and the model is for {channels}. Show images of its data set.')
    for path in paths:
        size = read_header(path).size
        if size != (height, width) and not RESIZE.value:
            raise ValueError(f'{path} is {size[0]}x{size[1]} (height x width), and the model is for {height}x{width}. '
                             'With --resize it is cropped and made smaller.')
    fit = Fit((height, width), 'center_crop')
    return np.stack([read_image(path, fit, channels) for path in paths])
