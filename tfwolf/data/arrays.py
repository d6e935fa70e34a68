"""Images of one NumPy archive (.npz)."""
import pathlib
import zipfile
import zlib

import numpy as np

from tfwolf.data import dataset
from tfwolf.data import holdout

EXPECTED = ("'train_images' and 'test_images' (optionally 'train_labels' and 'test_labels'), "
            "or 'images' (optionally 'labels')")


def load_npz(path, validation_size, test_size=None):
    """Returns the images of the archive at `path` as an `ImageDataset`.

    The archive holds `train_images` and `test_images`, uint8 `[n, height, width, channels]` or `[n, height, width]`,
    whose order is kept, and optionally `train_labels` and `test_labels`, integers `[n]`; or `images` and optionally
    `labels`, of which `test_size` are held out.

    Args:
        path: string.
        validation_size, test_size: see `sources.load_dataset`; `test_size` only for an archive without a test split.

    Raises:
        ValueError: if the file is missing, is no archive, or holds other keys, types or shapes.
    """
    arrays = _read(path)
    if 'images' in arrays and not {'train_images', 'test_images'} & set(arrays):
        examples, classes = _split(path, arrays, 'images', 'labels')
        training, test = holdout.hold_out(examples, 0.1 if test_size is None else test_size)
        shape = arrays['images'].shape
    elif 'train_images' in arrays and 'test_images' in arrays and 'images' not in arrays:
        if test_size is not None:
            raise ValueError(f"`test_size` has no use for {path}, which has 'test_images'; got {test_size!r}.")
        training, training_classes = _split(path, arrays, 'train_images', 'train_labels')
        test, test_classes = _split(path, arrays, 'test_images', 'test_labels')
        classes = max(training_classes, test_classes)
        shape = arrays['train_images'].shape
        if shape[1:] != arrays['test_images'].shape[1:]:
            raise ValueError(f"{path}: 'train_images' and 'test_images' must be of one size; got {shape} and "
                             f'{arrays["test_images"].shape}.')
    else:
        raise ValueError(f'{path} must hold {EXPECTED}; it holds {sorted(arrays)}.')
    train, validation = holdout.split_validation(training, validation_size)
    return dataset.ImageDataset(pathlib.Path(path).stem, shape[1:], classes or None, train, validation, test)


def _read(path):
    try:
        archive = np.load(path, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise ValueError('it is a single array')
        with archive:
            arrays = {key: archive[key] for key in archive.files}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f'{path} cannot be read as a NumPy archive (.npz without pickled objects): {error}. '
                         f'It must hold {EXPECTED}.') from error
    grey = [key for key, array in arrays.items() if key.endswith('images') and array.ndim == 3]
    return {**arrays, **{key: arrays[key][..., None] for key in grey}}


def _split(path, arrays, images_key, labels_key):
    """Returns the checked arrays as a split, and the number of classes, 0 without labels."""
    images, labels = arrays[images_key], arrays.get(labels_key)
    if images.dtype != np.uint8 or images.ndim != 4 or 0 in images.shape:
        raise ValueError(f'{path}: {images_key!r} must be uint8 [n, height, width, channels] or [n, height, width] and '
                         f'not empty; got {images.dtype} {images.shape}.')
    if labels is not None and (labels.shape != images.shape[:1] or labels.dtype.kind not in 'iu' or labels.min() < 0):
        raise ValueError(f'{path}: {labels_key!r} must be non-negative integers [{len(images)}], one per image; '
                         f'got {labels.dtype} {labels.shape}.')
    split = dataset.ArraySplit(lambda: (images, labels), len(images), images.shape[1:])
    return split, 0 if labels is None else int(labels.max()) + 1
