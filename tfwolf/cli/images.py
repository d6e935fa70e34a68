"""The images that a tool shows: of a split of the run's data set, or the user's files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tfwolf.cli.flags import Flags
from tfwolf.core.files import sha256
from tfwolf.core.image_file import read_picture
from tfwolf.core.paths import expanded
from tfwolf.data.dataset import ImageDataset
from tfwolf.data.fit import Fit
from tfwolf.data.fitted_file import fitted
from tfwolf.runs.run import Run
from tfwolf.runs.run_data import check_labels


class Chosen(NamedTuple):
    """Images to show.

    Attributes:
        images: uint8 `[num_images, height, width, channels]`.
        labels: integers `[num_images]`, -1 where there are none; None for the user's own files.
        names: name of the file, or position in the split, of each image.
        source: the title of the split, or None for the user's own files.
        sha256: of the user's own files, or None.
        classes: name of the class of each image; None without names.
    """

    images: np.ndarray
    labels: np.ndarray | None
    names: list
    source: str | None
    sha256: list | None = None
    classes: list[str] | None = None

    @property
    def details(self) -> dict:
        """What a result says about the images."""
        return {
            'source': self.source,
            'images': self.names,
            'sha256': self.sha256,
            'labels': None if self.labels is None else self.labels.tolist(),
            'classes': None if self.classes is None else list(self.classes),
        }


def chosen_images(options: Flags, run: Run, count: int, choose: Callable | None = None) -> Chosen:
    """Return the `Chosen` images: --images, those at --positions, or else `count` of the split.

    Args:
        options: the flags.
        run: the `Run`.
        count: number of images if the flags name none.
        choose: function from a `LabelledSplit` and `count` to positions `[count]`; None takes the
            first.

    Raises:
        ValueError: if the flags contradict each other, an image does not fit the model, or there
            are not as many.
    """
    if options.images:
        for flag in ('positions', 'split'):
            if options.given(flag):
                raise ValueError(
                    f'--images names your own files and does not accept --{flag}. Give one of them.'
                )
        if choose is not None:
            raise ValueError(
                '--images have no class labels. Leave out the flag that needs labels, or show '
                'images of the data set.'
            )
        if run.model.latent.needs_labels:
            raise ValueError(
                '--images have no class labels, and this model needs them for z. Show images of '
                'its data set with --positions.'
            )
        paths = named_files(options.images)
        images = read_files(paths, run.model.image_shape, options.resize)
        return Chosen(
            images,
            None,
            [os.path.basename(path) for path in paths],
            None,
            [sha256(path) for path in paths],
        )
    if options.resize:
        raise ValueError(
            '--resize applies to --images only; images of the data set have the right size.'
        )
    split = LabelledSplit(run.dataset, options.split)
    check_labels(run.model, run.dataset, options.split)
    if options.positions:
        if choose is not None:
            raise ValueError(
                '--positions chooses the images, and another flag chooses them by class. Give one '
                'of them.'
            )
        positions = _numbers(options.positions)
    else:
        positions = np.arange(count) if choose is None else choose(split, count)
    images, labels = split.load(positions)
    names = [run.dataset.class_name(label) for label in labels] if run.dataset.classes else None
    return Chosen(images, labels, np.asarray(positions).tolist(), split.title, classes=names)


class LabelledSplit:
    """A split of a data set with its title.

    Args:
        dataset: an `ImageDataset`.
        name: 'train', 'validation' or 'test'.

    Attributes:
        split: the `Split`.
        title: its name and the data set's, as printed.
    """

    def __init__(self, dataset: ImageDataset, name: str) -> None:
        self.title = f'{dataset.title}, {name}'
        self.split = dataset.split(name)

    def load(self, positions: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Return images and labels at positions of the split.

        Returns:
            uint8 images `[n, height, width, channels]`, and labels `[n]`, -1 where there are none.

        Raises:
            ValueError: if the split has fewer images.
        """
        places = np.asarray(positions)
        if places.min() < 0 or places.max() >= self.split.num_examples:
            asked = places.min() if places.min() < 0 else places.max()
            raise ValueError(
                f'{self.title} has {self.split.num_examples:,} images, numbered from 0; got '
                f'position {asked}. Request fewer images, or use another --split.'
            )
        examples = self.split.load(tf.constant(places, tf.int64))
        return examples['image'].numpy(), examples['label'].numpy()


def named_files(values: Sequence[str]) -> list[str]:
    """Return the paths in values of --images: several in one value are separated by commas.

    A comma within the name of a file that exists does not separate.
    """
    paths = []
    for value in values:
        parts = value.split(',')
        while parts:
            # The longest name that exists; else the part up to the next comma.
            joined = (','.join(parts[:count]) for count in range(len(parts), 0, -1))
            found = next((path for path in joined if os.path.exists(_place(path))), parts[0])
            del parts[: found.count(',') + 1]
            paths.append(_place(found))
    return [path for path in paths if path]


def read_files(
    paths: Sequence[str], image_shape: Sequence[int], resize: bool, what: str = 'the model is for'
) -> np.ndarray:
    """Return the images in files, uint8 `[num_files, height, width, channels]`.

    Args:
        paths: of the files.
        image_shape: (height, width, channels) that they must have.
        resize: whether larger images are cropped and made smaller.
        what: what has this shape, for messages.

    Raises:
        ValueError: if a file cannot be read, or has another size.
    """
    height, width, channels = image_shape
    if channels not in (1, 3):
        raise ValueError(
            f'Image files have 1 or 3 channels, and {what} {channels}. Show images of the data set.'
        )
    fit, images = Fit((height, width), 'center_crop'), []
    for path in paths:
        picture = read_picture(path)
        if (picture.height, picture.width) != (height, width) and not resize:
            raise ValueError(
                f'{path} is {picture.height}x{picture.width} (height x width), and {what} '
                f'{height}x{width}. With --resize it is cropped and made smaller.'
            )
        images.append(fitted(path, picture, fit, channels))
    return np.stack(images)


def _place(path: str) -> str:
    return expanded(path.strip())


def _numbers(texts):
    try:
        return np.array([int(text) for text in texts])
    except ValueError:
        raise ValueError(
            f'--positions must be comma-separated integers, such as 3,17; got {",".join(texts)!r}.'
        ) from None
