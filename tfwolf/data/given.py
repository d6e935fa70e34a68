"""Conversion of arrays, a `tf.data.Dataset` or a path to an `ImageDataset`."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from typing import Any

import numpy as np
import tensorflow as tf

from tfwolf.core.messages import first_line
from tfwolf.core.value_range import SCALE_ADVICE
from tfwolf.data import dataset, holdout
from tfwolf.data.arrays import array_split, with_channels
from tfwolf.data.data_record import EARLIER_RULES, DataRecord
from tfwolf.data.sources import DataSource, is_source
from tfwolf.data.stable_holdout import parts
from tfwolf.data.vectors import are_vectors, vector_dataset, vector_split

# uint8 [n, height, width(, channels)], or anything that NumPy converts to such an array.
Array = np.ndarray | tf.Tensor
Images = Array | tuple[Array, Array] | tf.data.Dataset | dataset.ImageDataset | str | os.PathLike

KINDS = (
    'an array [n, height, width, channels] or [n, height, width] of uint8, uint16 or floats, '
    'vectors [n, features], a tuple (images, labels) of '
    'arrays, a tf.data.Dataset, the path of a folder or an .npz or .npy file, a source such as '
    "'tfds:cifar10', or an ImageDataset"
)
READ_BATCH = 512


def as_dataset(
    images: Images,
    validation_size: holdout.PartSize | None = None,
    test_size: holdout.PartSize | None = None,
    name: str | None = None,
    record: DataRecord | None = None,
) -> dataset.ImageDataset:
    """Return images of any of the kinds below as an `ImageDataset`.

    Parts of the images are held out for validation and test, by a hash of each image, so that a new
    image moves no other. The kinds of images are:

    - an array `[n, height, width, channels]` or `[n, height, width]`, which is copied: uint8 or
      uint16 for color values, floating-point for a model of continuous values (float32 is kept);
    - an array of real numbers `[n, features]`, not uint8: vectors, for a model of continuous
      values;
    - a tuple of such an array and labels, non-negative integers `[n]`;
    - a finite, unbatched `tf.data.Dataset` of images, uint8 `[height, width, channels]` of one
      size, of pairs (image, label), or of dicts with 'image' and optionally 'label'. It is read
      once into memory;
    - the path of a folder of image files or of an `.npz` or `.npy` file, or a source, see
      `sources.load_dataset`;
    - an `ImageDataset`, which is returned unchanged.

    Args:
        images: the images.
        validation_size: see `sources.load_dataset`; None for its default (0.1).
        test_size: see `sources.load_dataset`; None for its default (0.1 if the images have no test
            split).
        name: name of the data set; None for 'given', or the name that the source has.
        record: what the run stored whose images these are; None for a new run.

    Raises:
        ValueError: if the images are of another kind, type or shape, do not fit into memory or are
            empty, the number of labels differs, or a size does not fit or is not accepted.
    """
    sizes = {'validation_size': validation_size, 'test_size': test_size}
    if isinstance(images, dataset.ImageDataset):
        given = {name: value for name, value in sizes.items() if value is not None}
        if given:
            raise ValueError(
                '`images` is an ImageDataset, which already has splits; sizes of splits are not '
                f'accepted; got {given}.'
            )
        found = images
    elif isinstance(images, (str, os.PathLike)):
        found = DataSource(_source(images), sizes).load(record=record)
    else:
        earlier = record is not None and record.rules == EARLIER_RULES
        found = _split(*_arrays(images), validation_size, test_size, earlier)
    return found if name is None else dataclasses.replace(found, name=name)


def _source(images: str | os.PathLike) -> str:
    """Return the source string for a path or a source."""
    if isinstance(images, str) and is_source(images):
        return images
    path = pathlib.Path(images).expanduser()
    if path.is_dir():
        return f'folder:{path}'
    if path.suffix.lower() in ('.npz', '.npy'):
        return f'npz:{path}'
    raise ValueError(
        f'`images` must be {KINDS}; got {os.fspath(images)!r}, which is not a folder, an .npz '
        f'or .npy file, or a source (working directory: {os.getcwd()}).'
    )


def _arrays(images: object) -> tuple[np.ndarray, np.ndarray | None]:
    """Return (images, labels) of an array, a pair of arrays or a `tf.data.Dataset`."""
    if isinstance(images, tf.data.Dataset):
        return _read(images)
    pair = images if isinstance(images, tuple) else (images,)
    if len(pair) not in (1, 2) or not all(hasattr(array, '__array__') for array in pair):
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
    earlier: bool,
) -> dataset.ImageDataset:
    if are_vectors(images):
        return _vectors(images, labels, validation_size, test_size)
    kind = _value_type(images)
    examples, classes = array_split(
        with_channels(images), labels, ('`images`', 'The labels of `images`'), kind
    )
    # Copied now, because the caller may change the arrays later.
    examples.load(tf.zeros([0], tf.int64))
    train, validation, test = parts({'all': examples}, validation_size, test_size, earlier)
    return dataset.ImageDataset(
        'given', with_channels(images).shape[1:], classes, train, validation, test, image_type=kind
    )


def _value_type(images: np.ndarray) -> str:
    """Return the type of values that an array has for a model.

    Integers of other types are uint8, which is what the check of the array says.
    """
    if images.dtype.kind == 'f':
        return 'float32'
    return 'uint16' if images.dtype == np.uint16 else 'uint8'


def _vectors(
    vectors: np.ndarray,
    labels: np.ndarray | None,
    validation_size: holdout.PartSize | None,
    test_size: holdout.PartSize | None,
) -> dataset.ImageDataset:
    if labels is not None:
        raise ValueError('Vectors [n, features] have no labels; got a pair of arrays.')
    features = [str(number) for number in range(1, vectors.shape[1] + 1)]
    examples = vector_split('`images`', np.array(vectors), features)
    return vector_dataset('given', parts({'all': examples}, validation_size, test_size), features)


def _read(examples: tf.data.Dataset) -> tuple[np.ndarray, np.ndarray | None]:
    """Return (images, labels) of a `tf.data.Dataset`."""
    columns = _columns(examples)
    if columns.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            'The tf.data.Dataset must be finite; got one that repeats forever. '
            'Remove .repeat(), or add .take(n).'
        )
    batches, size = [], 0
    try:
        for batch in columns.batch(READ_BATCH).as_numpy_iterator():
            batches.append(batch)
            size += batch[0].nbytes
            if size > dataset.MAX_ARRAY_BYTES:
                raise ValueError(
                    'The images of the tf.data.Dataset are held in memory, but need more than '
                    f'{dataset.MAX_ARRAY_BYTES / 2**30:.0f} GiB. {dataset.TOO_LARGE_ADVICE}'
                )
    except tf.errors.OpError as error:
        raise ValueError(
            f'The tf.data.Dataset cannot be read: {first_line(error)} '
            'All images must have the same size.'
        ) from error
    if not batches:
        raise ValueError('The tf.data.Dataset must contain images; got an empty one.')
    images, *labels = (np.concatenate(column) for column in zip(*batches))
    return images, labels[0] if labels else None


def _columns(examples: tf.data.Dataset) -> tf.data.Dataset:
    """Return the data set of tuples (image,) or (image, label) after checking the element types."""
    spec: Any = examples.element_spec
    if isinstance(spec, dict) and 'image' in spec:
        keys = [key for key in ('image', 'label') if key in spec]
        columns = examples.map(lambda example: tuple(example[key] for key in keys))
        parts = [spec[key] for key in keys]
    else:
        # The arguments of the function are the parts of a tuple, or one image.
        columns = examples.map(lambda *parts: parts)
        parts = list(spec) if isinstance(spec, tuple) and len(spec) == 2 else [spec]
    specs = [part for part in parts if isinstance(part, tf.TensorSpec)]
    if len(specs) < len(parts):
        raise ValueError(
            'The tf.data.Dataset must consist of images, of pairs (image, label) or of dicts with '
            f"'image'; got {spec}."
        )
    image = specs[0]
    if image.shape.rank == 4:
        raise ValueError(
            'The tf.data.Dataset must consist of single images [height, width, channels]; '
            f'got batches {image.shape}. Call .unbatch() on it first.'
        )
    if image.dtype != tf.uint8 or image.shape.rank not in (3, None):
        advice = SCALE_ADVICE if image.dtype.is_floating else ''
        raise ValueError(
            'The images of the tf.data.Dataset must be uint8 from 0 to 255 [height, width, '
            f'channels]; got {image.dtype.name} {image.shape}.{advice}'
        )
    return columns
