"""Images that a program gives: arrays, a `tf.data.Dataset`, or a path, as an `ImageDataset`."""

from __future__ import annotations

import dataclasses
import os
import pathlib

import numpy as np
import tensorflow as tf

from tfwolf.core.messages import first_line
from tfwolf.data import dataset, holdout
from tfwolf.data.arrays import array_split, with_channels
from tfwolf.data.sources import DataSource, is_source

# uint8 [n, height, width(, channels)], or anything that NumPy takes for such an array.
Array = np.ndarray | tf.Tensor
Images = Array | tuple[Array, Array] | tf.data.Dataset | dataset.ImageDataset | str | os.PathLike

KINDS = (
    'a uint8 array [n, height, width, channels] or [n, height, width], a tuple (images, labels) '
    'of arrays, a '
    "tf.data.Dataset, the path of a folder or an .npz file, a source such as 'tfds:cifar10', or "
    'an ImageDataset'
)
READ_BATCH = 512


def as_dataset(
    images: Images,
    validation_size: holdout.PartSize | None = None,
    test_size: holdout.PartSize | None = None,
    name: str | None = None,
) -> dataset.ImageDataset:
    """Returns images of any of the kinds below as an `ImageDataset`, with fixed parts held out for
    validation and test.

    Args:
        images: one of these kinds: - an array, uint8 `[n, height, width, channels]` or `[n, height,
            width]`, which is copied; - a tuple of such an array and labels, non-negative integers
            `[n]`; - a `tf.data.Dataset`, not batched and finite, of images uint8 `[height, width,
            channels]` of one size, of pairs (image, label), or of dicts with 'image' and perhaps
            'label'. It is read once into memory. If it shuffles, every process holds out other
            images; - the path of a folder of image files or of an `.npz` file, or a source, see
            `sources.load_dataset`; - an `ImageDataset`, which is returned as it is.
        validation_size: as in `sources.load_dataset`; None for its default (0.1).
        test_size: as in `sources.load_dataset`; None for its default (0.1 where the images have no
            test split).
        name: name of the data set; None for 'given', or the name that the source gives.

    Raises:
        ValueError: if the images are of another kind, type or shape, are too many for the memory,
            there are no images, the labels are not as many, or a size does not fit, has no use or
            takes all images.
    """
    sizes = {'validation_size': validation_size, 'test_size': test_size}
    if isinstance(images, dataset.ImageDataset):
        given = {name: value for name, value in sizes.items() if value is not None}
        if given:
            raise ValueError(f'`images` is an ImageDataset, which has splits already; got {given}.')
        found = images
    elif isinstance(images, (str, os.PathLike)):
        found = DataSource(_source(images), sizes).load()
    else:
        found = _split(*_arrays(images), validation_size, test_size)
    return found if name is None else dataclasses.replace(found, name=name)


def _source(images: str | os.PathLike) -> str:
    """Returns the source that a path or a text means."""
    if is_source(images):
        return images
    path = pathlib.Path(images).expanduser()
    if path.is_dir():
        return f'folder:{path}'
    if path.suffix == '.npz':
        return f'npz:{path}'
    raise ValueError(
        f'`images` must be {KINDS}; got {os.fspath(images)!r}, which is no folder, no .npz file '
        'and '
        f'no source (working directory: {os.getcwd()}).'
    )


def _arrays(images: object) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns the images and the labels of an array, a pair of arrays or a `tf.data.Dataset`."""
    if isinstance(images, tf.data.Dataset):
        return _read(images)
    pair = images if isinstance(images, tuple) else (images,)
    if len(pair) > 2 or not all(hasattr(array, '__array__') for array in pair):
        kinds = ', '.join(type(array).__name__ for array in pair)
        raise ValueError(
            f'`images` must be {KINDS}; got {f"({kinds})" if isinstance(images, tuple) else kinds}.'
        )
    return np.asarray(pair[0]), np.asarray(pair[1]) if len(pair) == 2 else None


def _split(
    images: np.ndarray,
    labels: np.ndarray | None,
    validation_size: holdout.PartSize | None,
    test_size: holdout.PartSize | None,
) -> dataset.ImageDataset:
    examples, classes = array_split(
        with_channels(images), labels, ('`images`', 'The labels of `images`')
    )
    # Copied now: the caller may use the arrays for something else.
    examples.load(tf.zeros([0], tf.int64))
    training, test = holdout.hold_out(examples, test_size)
    validation_size = holdout.VALIDATION_SIZE if validation_size is None else validation_size
    train, validation = holdout.split_validation(training, validation_size)
    return dataset.ImageDataset(
        'given', with_channels(images).shape[1:], classes, train, validation, test
    )


def _read(examples: tf.data.Dataset) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns the images and the labels of a `tf.data.Dataset`."""
    columns = _columns(examples)
    if columns.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            'The tf.data.Dataset must end; got one that repeats for ever. '
            'Leave out .repeat(), or add .take(n).'
        )
    batches, size = [], 0
    try:
        for batch in columns.batch(READ_BATCH).as_numpy_iterator():
            batches.append(batch)
            size += batch[0].nbytes
            if size > dataset.MAX_ARRAY_BYTES:
                raise ValueError(
                    'The images of the tf.data.Dataset are held in memory; they take more than '
                    f'{dataset.MAX_ARRAY_BYTES / 2**30:.0f} GiB. {dataset.TOO_LARGE_ADVICE}'
                )
    except tf.errors.OpError as error:
        raise ValueError(
            f'The tf.data.Dataset cannot be read: {first_line(error)} '
            'All images must have one size.'
        ) from error
    if not batches:
        raise ValueError('The tf.data.Dataset must have images; got an empty one.')
    images, *labels = (np.concatenate(column) for column in zip(*batches))
    return images, labels[0] if labels else None


def _columns(examples: tf.data.Dataset) -> tf.data.Dataset:
    """Returns the data set of tuples (image,) or (image, label), after a check of the types of its
    elements.
    """
    spec = examples.element_spec
    if isinstance(spec, dict) and 'image' in spec:
        columns = examples.map(
            lambda example: tuple(example[key] for key in ('image', 'label') if key in example)
        )
    elif isinstance(spec, tuple) and len(spec) == 2:
        columns = examples
    elif isinstance(spec, tf.TensorSpec):
        columns = examples.map(lambda image: (image,))
    else:
        columns = None
    if columns is None or not all(isinstance(part, tf.TensorSpec) for part in columns.element_spec):
        raise ValueError(
            'The tf.data.Dataset must be of images, of pairs (image, label) or of dicts with '
            "'image'; "
            f'got {spec}.'
        )
    image = columns.element_spec[0]
    if image.shape.rank == 4:
        raise ValueError(
            'The tf.data.Dataset must be of single images [height, width, channels]; '
            f'got batches {image.shape}. Call .unbatch() on it first.'
        )
    if image.dtype != tf.uint8 or image.shape.rank not in (3, None):
        advice = (
            ' Multiply values from 0 to 1 by 255 and cast them to uint8.'
            if image.dtype.is_floating
            else ''
        )
        raise ValueError(
            'The images of the tf.data.Dataset must be uint8 from 0 to 255 [height, width, '
            'channels]; '
            f'got {image.dtype.name} {image.shape}.{advice}'
        )
    return columns
