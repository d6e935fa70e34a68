"""Images from a NumPy archive (.npz)."""

from __future__ import annotations

import pathlib
import zipfile
import zlib

import numpy as np

from tfwolf.data import dataset, holdout
from tfwolf.data.registry import register_source

EXPECTED = (
    "'train_images' and 'test_images' (optionally 'train_labels' and 'test_labels'), "
    "or 'images' (optionally 'labels')"
)
SCALE_ADVICE = ' Multiply values from 0 to 1 by 255 and cast them to uint8.'


@register_source('npz', location='PATH')
def load_npz(
    location: str,
    validation_size: holdout.PartSize = holdout.VALIDATION_SIZE,
    test_size: holdout.PartSize | None = None,
) -> dataset.ImageDataset:
    """Return the images of an archive as an `ImageDataset`.

    The archive holds `train_images` and `test_images`, uint8 `[n, height, width, channels]` or
    `[n, height, width]`, and optionally `train_labels` and `test_labels`, integers `[n]`; their
    order is kept. Alternatively it holds `images` and optionally `labels`; `test_size` of them are
    held out.

    Args:
        location: path of the archive.
        validation_size, test_size: see `sources.load_dataset`; `test_size` only for an archive
            without a test split.

    Raises:
        ValueError: if the file is missing or not an archive, or its keys, types or shapes differ
            from those above.
    """
    path = pathlib.Path(location).expanduser()
    arrays = _read(path)
    if 'images' in arrays and not {'train_images', 'test_images'} & set(arrays):
        examples, classes = _split(path, arrays, 'images', 'labels')
        training, test = holdout.hold_out(examples, test_size)
        shape = arrays['images'].shape
    elif 'train_images' in arrays and 'test_images' in arrays and 'images' not in arrays:
        if test_size is not None:
            raise ValueError(
                f'`test_size` is not accepted for {path}, because it has a test split '
                f"('test_images'); got test_size={test_size!r}."
            )
        training, training_classes = _split(path, arrays, 'train_images', 'train_labels')
        test, test_classes = _split(path, arrays, 'test_images', 'test_labels')
        classes = max(training_classes or 0, test_classes or 0) or None
        shape = arrays['train_images'].shape
        if shape[1:] != arrays['test_images'].shape[1:]:
            raise ValueError(
                f"{path}: 'train_images' and 'test_images' must have the same size; "
                f'got {shape} and {arrays["test_images"].shape}.'
            )
    else:
        raise ValueError(f'{path} must hold {EXPECTED}; it holds {sorted(arrays)}.')
    train, validation = holdout.split_validation(training, validation_size)
    return dataset.ImageDataset(path.stem, shape[1:], classes, train, validation, test)


def _read(path: pathlib.Path) -> dict[str, np.ndarray]:
    try:
        archive = np.load(path, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise ValueError('it is a single array')
        with archive:
            arrays = {key: archive[key] for key in archive.files}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f'{path} cannot be read as a NumPy archive (.npz without pickled objects): {error}. '
            f'It must hold {EXPECTED}.'
        ) from error
    # Grey images may lack the axis of the channel.
    return {
        key: with_channels(array) if key.endswith('images') else array
        for key, array in arrays.items()
    }


def _split(
    path: pathlib.Path, arrays: dict[str, np.ndarray], images_key: str, labels_key: str
) -> tuple[dataset.ArraySplit, int | None]:
    names = (f'{path}: {images_key!r}', f'{path}: {labels_key!r}')
    return array_split(arrays[images_key], arrays.get(labels_key), names)


def with_channels(images: np.ndarray) -> np.ndarray:
    """Return images `[n, height, width]` as `[n, height, width, 1]`, and others unchanged."""
    return images[..., None] if images.ndim == 3 else images


def array_split(
    images: np.ndarray, labels: np.ndarray | None, names: tuple[str, str]
) -> tuple[dataset.ArraySplit, int | None]:
    """Return (split, number of classes) of arrays after checking them.

    The number of classes is the largest label plus 1, or None without labels.

    Args:
        images: uint8 `[n, height, width, channels]`.
        labels: non-negative integers `[n]`, or None.
        names: names of the images and the labels in messages.

    Raises:
        ValueError: if an array has another type or shape, or there are no images.
    """
    if images.dtype != np.uint8:
        advice = SCALE_ADVICE if images.dtype.kind == 'f' else ''
        raise ValueError(
            f'{names[0]} must be uint8 from 0 to 255; got {images.dtype} {images.shape}.{advice}'
        )
    if images.ndim != 4 or 0 in images.shape:
        raise ValueError(
            f'{names[0]} must be [n, height, width, channels] or [n, height, width] and not empty; '
            f'got {images.shape}.'
        )
    if labels is not None and (
        labels.shape != images.shape[:1] or labels.dtype.kind not in 'iu' or labels.min() < 0
    ):
        raise ValueError(
            f'{names[1]} must be non-negative integers [{len(images)}], one per image; '
            f'got {labels.dtype} {labels.shape}{_first_negative(labels)}.'
        )
    split = dataset.ArraySplit(lambda: (images, labels), len(images), images.shape[1:])
    return split, None if labels is None else int(labels.max()) + 1


def _first_negative(labels: np.ndarray) -> str:
    return (
        f' with {labels.min()}'
        if labels.size and labels.dtype.kind == 'i' and labels.min() < 0
        else ''
    )
