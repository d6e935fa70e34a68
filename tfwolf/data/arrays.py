"""Images from NumPy arrays: an archive (.npz), an array (.npy), or a folder of named arrays."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

import numpy as np

from tfwolf.core.value_range import ValueRange
from tfwolf.data import dataset, holdout, identities
from tfwolf.data.array_attributes import read_attributes
from tfwolf.data.array_files import Arrays, find_arrays
from tfwolf.data.array_split import ArraySplit
from tfwolf.data.attributes import with_label
from tfwolf.data.data_record import EARLIER_RULES, DataRecord
from tfwolf.data.duplicates import duplicates_note
from tfwolf.data.fit import Fit
from tfwolf.data.registry import register_source
from tfwolf.data.stable_holdout import parts
from tfwolf.data.value_types import as_value_type
from tfwolf.data.vectors import are_vectors, vector_dataset, vector_split

MAX_CHANNELS = 4


@register_source('npz', location='PATH')
def load_npz(
    location: str,
    validation_size: holdout.PartSize | None = None,
    test_size: holdout.PartSize | None = None,
    value_range: ValueRange | None = None,
    value_type: str = 'uint8',
    fit: Fit = Fit(),
    label: str | None = None,
    record: DataRecord | None = None,
) -> dataset.ImageDataset:
    """Return the images of NumPy arrays as an `ImageDataset`.

    The arrays are those of an archive, of a folder of `.npy` files by their names, or one `.npy`
    file. Their names are those of Keras and MedMNIST, see `array_files.NAMES`. Images are uint8
    `[n, height, width, channels]` or `[n, height, width]`, labels integers `[n]` or `[n, 1]`.
    Splits that are missing are held out of the training images by a hash of each image, so that a
    new image moves no other. The order of given splits is kept.

    Arrays of attributes are bool `[n, num_attributes]`, see `array_files.ATTRIBUTES`, with their
    names in the array 'attribute_names'.

    Arrays `[n, features]` of any real numbers but uint8 are vectors of continuous values,
    without labels.

    Args:
        location: path of the archive, of the folder or of the array.
        validation_size, test_size: see `sources.load_dataset`.
        value_range: (low, high) of the values if they are not uint8.
        value_type: 'uint8', 'uint16' or 'float32', the type that the model gets; see
            `as_value_type`.
        fit: how images are brought to one size, without random crops.
        label: attribute that is the class label, see `with_label`.
        record: what a run stored of these images.

    Raises:
        ValueError: if the file is missing or not an archive, or its keys, types or shapes differ
            from those above.
    """
    path = pathlib.Path(location).expanduser()
    arrays = find_arrays(path)
    if all(are_vectors(arrays.values[images]) for images, _ in arrays.names.values()):
        return with_label(_vectors(path, arrays, validation_size, test_size), label)
    attribute_names, attributes = read_attributes(path, arrays)
    splits, shapes, classes = {}, {}, []
    for split, (images_name, labels_name) in arrays.names.items():
        images, labels = arrays.values[images_name], arrays.values.get(labels_name or '')
        names = (f'{path}: {images_name!r}', f'{path}: {labels_name!r}')
        images = _checked_shape(names[0], images)
        images = _fitted(as_value_type(names[0], images, value_type, value_range), fit)
        splits[split], count = _split_of(images, labels, names, value_type, attributes.get(split))
        shapes[split] = images.shape[1:]
        classes.append(count or 0)
    if len(set(shapes.values())) > 1:
        raise ValueError(f'{path}: all splits must have images of the same size; got {shapes}.')
    _check_test_size(path, arrays, test_size)
    earlier = record is not None and record.rules == EARLIER_RULES
    train, validation, test = parts(splits, validation_size, test_size, earlier)
    found = dataset.ImageDataset(
        path.stem,
        next(iter(shapes.values())),
        max(classes) or None,
        train,
        validation,
        test,
        notes=(f'{path}: {arrays.text}', *duplicates_note(train, validation, test)),
        image_type=value_type,
        attributes=attribute_names,
    )
    return with_label(found, label)


def _vectors(
    path: pathlib.Path,
    arrays: Arrays,
    validation_size: holdout.PartSize | None,
    test_size: holdout.PartSize | None,
) -> dataset.ImageDataset:
    """Return arrays `[n, features]` as an `ImageDataset` of vectors; labels are not used."""
    _check_test_size(path, arrays, test_size)
    widths = {arrays.values[name].shape[1] for name, _ in arrays.names.values()}
    if len(widths) > 1:
        raise ValueError(
            f'{path}: all splits must have the same number of features; got {sorted(widths)}.'
        )
    features = tuple(str(number) for number in range(1, widths.pop() + 1))
    splits: dict[str, dataset.Split] = {
        split: vector_split(f'{path}: {name!r}', arrays.values[name], features)
        for split, (name, _) in arrays.names.items()
    }
    found = parts(splits, validation_size, test_size)
    notes = (f'{path}: {arrays.text}', *duplicates_note(*found))
    return vector_dataset(path.stem, found, features, notes)


def _check_test_size(
    path: pathlib.Path, arrays: Arrays, test_size: holdout.PartSize | None
) -> None:
    if 'test' in arrays.names and test_size is not None:
        raise ValueError(
            f'`test_size` is not accepted for {path}, because it has a test split '
            f'({arrays.names["test"][0]!r}); got test_size={test_size!r}.'
        )


def with_channels(images: np.ndarray) -> np.ndarray:
    """Return images `[n, height, width]` as `[n, height, width, 1]`, and others unchanged."""
    return images[..., None] if images.ndim == 3 else images


def array_split(
    images: np.ndarray,
    labels: np.ndarray | None,
    names: tuple[str, str],
    value_type: str = 'uint8',
) -> tuple[dataset.Split, int | None]:
    """Return (split, number of classes) of arrays after checking them.

    The number of classes is the largest label plus 1, or None without labels.

    Args:
        images: of the type, `[n, height, width, channels]`.
        labels: non-negative integers `[n]` or `[n, 1]`, or None.
        names: names of the images and the labels in messages.
        value_type: type of the images.

    Raises:
        ValueError: if an array has another type or shape, or there are no images.
    """
    images = as_value_type(names[0], _checked_shape(names[0], images), value_type)
    return _split_of(images, labels, names, value_type)


def _split_of(
    images: np.ndarray,
    labels: np.ndarray | None,
    names: tuple[str, str],
    value_type: str,
    attributes: np.ndarray | None = None,
) -> tuple[dataset.Split, int | None]:
    """As `array_split`, of images and attributes that were checked, bool `[n, num_attributes]`."""
    if labels is not None:
        given = labels
        labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
        if labels.shape != images.shape[:1] or labels.dtype.kind not in 'iu' or labels.min() < 0:
            raise ValueError(
                f'{names[1]} must be non-negative integers [{len(images)}], one per image; '
                f'got {given.dtype} {given.shape}{_first_negative(labels)}.'
            )
        labels = labels.astype(np.int64)
    split = ArraySplit(
        lambda: (images, labels, attributes),
        len(images),
        images.shape[1:],
        identities.of_arrays(images, labels, attributes),
        value_type,
    )
    return split, None if labels is None else int(labels.max()) + 1


def _checked_shape(name: str, images: np.ndarray) -> np.ndarray:
    """Return images with an axis of channels after checking their shape."""
    images = with_channels(images)
    if images.ndim != 4 or 0 in images.shape:
        raise ValueError(
            f'{name} must be [n, height, width, channels] or [n, height, width] and not empty; '
            f'got {images.shape}.'
        )
    if images.shape[1] <= MAX_CHANNELS < min(images.shape[2:]):
        raise ValueError(
            f'{name} must be [n, height, width, channels]; got {images.shape}. Are the channels '
            'first? Then np.moveaxis(images, 1, -1) puts them last.'
        )
    return images


def _fitted(images: np.ndarray, fit: Fit) -> np.ndarray:
    """Return images, uint8 `[n, height, width, channels]`, at the size of `fit`, if it has one."""
    if fit.is_random:
        raise ValueError(
            "resize='random_crop' is not accepted for arrays; use 'center_crop' or 'pad', or image "
            'files.'
        )
    if fit.image_size is None or (
        fit.crop_size is None and images.shape[1:3] == tuple(fit.image_size)
    ):
        return images
    if images.dtype != np.uint8:
        raise ValueError(
            f'`image_size` of {images.dtype} values must be that of the images, '
            f'{images.shape[1:3]}: they are not resampled. Got image_size={fit.image_size!r}.'
        )
    fit.check('Each image of the arrays', (images.shape[1], images.shape[2]))
    return np.stack([_fitted_image(image, fit) for image in images])


def _fitted_image(image: np.ndarray, fit: Fit) -> np.ndarray:
    from PIL import Image

    # Channel by channel, so that there may be any number.
    channels: Sequence[np.ndarray] = [
        fit(Image.fromarray(np.ascontiguousarray(channel))) for channel in np.moveaxis(image, -1, 0)
    ]
    return np.concatenate(channels, axis=-1)


def _first_negative(labels: np.ndarray) -> str:
    return (
        f' with {labels.min()}'
        if labels.size and labels.dtype.kind == 'i' and labels.min() < 0
        else ''
    )
