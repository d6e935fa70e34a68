"""Images from files in a folder."""

from __future__ import annotations

import concurrent.futures
import math
import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfwolf.core.progress import progress_bar
from tfwolf.data import dataset, holdout
from tfwolf.data.fit import Fit
from tfwolf.data.image_file import read_header, read_image
from tfwolf.data.registry import register_source

EXTENSIONS = ('.png', '.jpg', '.jpeg', '.bmp', '.gif')


class FileSplit(dataset.Split):
    """Image files that are decoded on the fly.

    Args:
        paths: paths of the files.
        labels: integers `[len(paths)]`, -1 without labels.
        fit: `Fit` with an `image_size`.
        channels: 1 or 3.
    """

    def __init__(
        self, paths: Sequence[pathlib.Path], labels: np.ndarray, fit: Fit, channels: int
    ) -> None:
        super().__init__(len(paths))
        self._fit, self._channels = fit, channels
        self._shape = (*fit.target_size, channels)
        self._paths = dataset.host_tensor([str(path) for path in paths], tf.string)
        self._labels = dataset.host_tensor(labels, tf.int64)

    def load(self, indices: tf.Tensor, seed: tf.Tensor | None = None) -> dataset.Batch:
        """As `Split.load`; the files are decoded, resized and cropped on the host."""
        with tf.device('CPU:0'):
            paths = tf.gather(self._paths, indices)
            images = tf.numpy_function(
                self._read, [paths, dataset.crop_positions(tf.size(indices), seed)], tf.uint8
            )
            images = tf.ensure_shape(images, paths.shape.concatenate(self._shape))
            return {'image': images, 'label': tf.gather(self._labels, indices)}

    def _read(self, paths: np.ndarray, positions: np.ndarray) -> np.ndarray:
        return np.stack(
            [
                read_image(path.decode(), self._fit, self._channels, position)
                for path, position in zip(paths, positions)
            ]
        )


@register_source('folder', location='PATH')
def load_folder(
    location: str,
    validation_size: holdout.PartSize = holdout.VALIDATION_SIZE,
    fit: Fit = Fit(),
    channels: int | None = None,
    test_size: holdout.PartSize | None = None,
) -> dataset.ImageDataset:
    """Return the PNG, JPEG, BMP and GIF (first frame) files in a folder as an `ImageDataset`.

    Either the folder has the subfolders `train` and `test` (others are ignored), or `test_size` of
    its images are held out. The images of a split are either directly in its folder or in one
    folder per class, whose sorted names are the labels. The order of every split is shuffled, but
    fixed. All files are opened and checked before training; transparency is dropped.

    Args:
        location: path of the folder.
        validation_size, test_size: see `sources.load_dataset`.
        fit: how images are brought to one size; without `image_size` all images must have the size
            of the first.
        channels: 1, 3, or None for the number of channels of the first image. With None, color
            images after a grey one are rejected.

    Raises:
        ValueError: if the folder is missing or empty or has another layout, or an image cannot be
            read or does not fit; the message names the path.
    """
    if channels not in (None, 1, 3) or isinstance(channels, bool):
        raise ValueError(
            '`channels` must be 1 (grey), 3 (color) or None (as the first image); '
            f'got channels={channels!r}.'
        )
    root = pathlib.Path(location).expanduser()
    if not root.is_dir():
        raise ValueError(f'There is no folder {root}. Expected a folder of image files.')
    parts = [root / part for part in ('train', 'test') if (root / part).is_dir()]
    if len(parts) == 1:
        raise ValueError(
            f"{root} must hold both 'train' and 'test', or neither; it holds only "
            f'{parts[0].name!r}. To hold out test images of {parts[0]}, use that folder as the '
            'source.'
        )
    if parts and test_size is not None:
        raise ValueError(
            f"`test_size` is not accepted for {root}, because it has a folder 'test'; "
            f'got test_size={test_size!r}.'
        )
    listings = [_list_images(part) for part in parts or [root]]
    classes = listings[0][2]
    for part, (_, _, names) in zip(parts, listings):
        if names != classes:
            raise ValueError(
                f'{part} must hold the same class folders as {parts[0]}; got {names} and {classes}.'
            )
    fit, channels = _check_files(
        [file for files, _, _ in listings for file in files], fit, channels
    )
    splits = [_make_split(files, labels, fit, channels) for files, labels, _ in listings]
    training, test = splits if parts else holdout.hold_out(splits[0], test_size)
    train, validation = holdout.split_validation(training, validation_size)
    return dataset.ImageDataset(
        root.resolve().name,
        (*fit.target_size, channels),
        len(classes) or None,
        train,
        validation,
        test,
    )


def _list_images(folder: pathlib.Path) -> tuple[list[pathlib.Path], list[int], list[str]]:
    """Return (files, labels, names of the classes) of a folder, sorted by name."""
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith('.'))
    classes = [entry for entry in entries if entry.is_dir()]
    loose = [
        entry for entry in entries if entry.suffix.lower() in EXTENSIONS and not entry.is_dir()
    ]
    if classes and loose:
        raise ValueError(
            f'{folder} must hold either images or one folder per class; it holds both, such as '
            f'{loose[0].name} and {classes[0].name}.'
        )
    files, labels = loose, [-1] * len(loose)
    for label, entry in enumerate(classes):
        found = sorted(
            file
            for file in entry.iterdir()
            if file.suffix.lower() in EXTENSIONS and file.name[0] != '.'
        )
        if not found:
            raise ValueError(
                f'The folder {entry} holds no images ({", ".join(EXTENSIONS)}). Fill or remove it.'
            )
        files, labels = files + found, labels + [label] * len(found)
    if not files:
        raise ValueError(f'The folder {folder} holds no images ({", ".join(EXTENSIONS)}).')
    return files, labels, [entry.name for entry in classes]


def _check_files(files: Sequence[pathlib.Path], fit: Fit, channels: int | None) -> tuple[Fit, int]:
    """Check the headers of all files and return (fit, channels) for all of them.

    An `image_size` or `channels` that is None is that of the first file.
    """
    first = read_header(files[0])
    if fit.image_size is None:
        fit = Fit(first.size, 'none')
    with progress_bar(len(files), 0, 'Checking images', 'image', delay=3, leave=False) as bar:
        for path in files:
            header = read_header(path)
            if channels is None and first.is_grey and not header.is_grey:
                raise ValueError(
                    f'The image {path} is in color, but the first image, {files[0]}, is grey. '
                    'Set channels=1 or channels=3.'
                )
            fit.check(f'The image {path}', header.size)
            bar.update()
    return fit, channels or (1 if first.is_grey else 3)


def _make_split(
    files: Sequence[pathlib.Path], labels: Sequence[int], fit: Fit, channels: int
) -> dataset.Split:
    shape = (*fit.target_size, channels)
    order = holdout.mixed_order(len(files))
    files, ordered_labels = [files[i] for i in order], np.array(labels)[order]
    if fit.is_random or len(files) * math.prod(shape) > dataset.IN_MEMORY_BYTES:
        return FileSplit(files, ordered_labels, fit, channels)
    return dataset.ArraySplit(
        lambda: (_decode(files, fit, channels), ordered_labels), len(files), shape
    )


def _decode(files: Sequence[pathlib.Path], fit: Fit, channels: int) -> np.ndarray:
    images = np.empty((len(files), *fit.target_size, channels), np.uint8)
    bar = progress_bar(len(files), 0, 'Decoding images', 'image', delay=3, leave=False)
    # Threads help because Pillow releases Python's lock while it decodes.
    with bar, concurrent.futures.ThreadPoolExecutor() as pool:
        for i, image in enumerate(pool.map(lambda file: read_image(file, fit, channels), files)):
            images[i] = image
            bar.update()
    return images
