"""Images from TensorFlow Datasets (TFDS)."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from tfwolf.data import dataset, holdout
from tfwolf.data.attributes import with_label
from tfwolf.data.class_names import known_classes
from tfwolf.data.fit import Fit
from tfwolf.data.registry import register_source
from tfwolf.data.tfds_builder import open_builder, quiet_tfds
from tfwolf.data.tfds_splits import Shape, TfdsSplits


@register_source('tfds', location='NAME')
def load_tfds(
    location: str,
    data_dir: str | None = None,
    download: bool = True,
    validation_size: holdout.PartSize = holdout.VALIDATION_SIZE,
    fit: Fit = Fit(),
    test_size: holdout.PartSize | None = None,
    label: str | None = None,
) -> dataset.ImageDataset:
    """Return a data set of TFDS as an `ImageDataset`.

    A split of at most `dataset.IN_MEMORY_BYTES` is decoded on first use and held in memory, in the
    order of TFDS. A larger split is decoded on the fly, shard after shard.

    The splits 'train' and 'test' are used. Without 'test', the split 'validation' is the test
    split; without both, `test_size` of 'train' is held out. Data that are already prepared are read
    without network access.

    Args:
        location: name of the data set in TFDS, for example 'cifar10',
            'downsampled_imagenet/64x64' or 'cifar10:3.0.2'.
        data_dir: folder of TFDS, or None for its default.
        download: whether to download and prepare missing data.
        validation_size, test_size: see `sources.load_dataset`.
        fit: how images are brought to one size.
        label: attribute that is the class label, see `with_label`.

    Raises:
        ValueError: if TFDS has no such data set, it has no uint8 images, or its data are missing
            and cannot be prepared.
    """
    import tensorflow_datasets as tfds  # Optional, and slow to import.

    with quiet_tfds():
        builder = open_builder(location, data_dir, download)
        info, names = builder.info.features, builder.info.splits
    features = dict(info.items()) if isinstance(info, tfds.features.FeaturesDict) else {}
    image = features.get('image')
    declared: tuple[int | None, ...] = getattr(image, 'shape', ())
    if image is None or image.np_dtype != np.uint8 or len(declared) != 3:
        raise ValueError(
            f"The TFDS data set {location!r} must have a feature 'image' of uint8 [height, width, "
            f'channels]; it has {features}. Choose a data set of images.'
        )
    shape = _image_shape(location, declared, fit)
    num_classes = getattr(features.get('label'), 'num_classes', None)
    attributes = _attributes(features.get('attributes'))
    splits = TfdsSplits(builder, shape, fit, num_classes, attributes)
    if 'train' not in names:
        raise ValueError(
            f"The TFDS data set {location!r} must have a split 'train'; it has {sorted(names)}."
        )
    test_name = next((name for name in ('test', 'validation') if name in names), None)
    if test_name is None:
        training, test = holdout.hold_out(splits.split('train'), test_size)
    elif test_size is not None:
        raise ValueError(
            f'`test_size` is not accepted for the TFDS data set {location!r}, because it has the '
            f'split {test_name!r}; got test_size={test_size!r}.'
        )
    else:
        training, test = splits.split('train'), splits.split(test_name)
    train, validation = holdout.split_validation(training, validation_size)
    config = builder.builder_config
    name = '/'.join(filter(None, (builder.name, config and config.name)))
    version = str(builder.version)
    images = dataset.ImageDataset(
        name,
        shape,
        num_classes,
        train,
        validation,
        test,
        version,
        origin={
            'name': name,
            'version': version,
            'splits': {part: _shards(names[part]) for part in ('train', test_name) if part},
        },
        classes=_classes(builder.name, features.get('label')),
        attributes=attributes,
    )
    return with_label(images, label)


def _classes(name: str, feature: Any) -> tuple[str, ...] | None:
    """Return the names of the classes of a feature of TFDS; None if they are only numbered.

    A prepared copy may lack the file of names; then they are those that are known.
    """
    names = tuple(getattr(feature, 'names', None) or ())
    numbered = names == tuple(map(str, range(len(names))))
    return known_classes(name, len(names)) if numbered else names


def _attributes(feature: Any) -> tuple[str, ...]:
    """Return the names of the binary features within a feature of TFDS, none for another kind."""
    parts = dict(feature.items()) if hasattr(feature, 'items') else {}
    return tuple(
        sorted(
            name
            for name, part in parts.items()
            if getattr(part, 'np_dtype', None) == np.bool_ and part.shape == ()
        )
    )


def _shards(info: Any) -> dict[str, object]:
    """Return what identifies a split of TFDS: numbers of examples and sizes of files."""
    return {
        'num_examples': info.num_examples,
        'shard_lengths': list(info.shard_lengths),
        'file_sizes': [os.path.getsize(path) for path in info.filepaths],
    }


def _image_shape(name: str, declared: tuple[int | None, ...], fit: Fit) -> Shape:
    """Return (height, width, channels) of all images after `fit`.

    Args:
        name: name of the data set in messages.
        declared: shape that TFDS declares, with None for a size that varies.
        fit: how images are brought to one size.
    """
    height, width, channels = declared
    if channels is None or (fit.image_size is None and (height is None or width is None)):
        raise ValueError(
            f'The images of the TFDS data set {name!r} vary in size: {declared}. Set `image_size`, '
            'for example image_size=(64, 64); a varying number of channels is not supported.'
        )
    if height is None or width is None:
        return (*fit.target_size, channels)
    if fit.image_size is None:
        return height, width, channels
    fit.check(f'Each image of the TFDS data set {name!r}', (height, width))
    return (*fit.target_size, channels)
