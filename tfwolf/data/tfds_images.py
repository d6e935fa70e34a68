"""Images of TensorFlow Datasets (TFDS)."""

from __future__ import annotations

import contextlib
import math
import pathlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
from absl import logging

from tfwolf.core.messages import first_line
from tfwolf.core.progress import progress_bar
from tfwolf.data import dataset, holdout, records
from tfwolf.data.fit import CENTRE, Fit
from tfwolf.data.registry import register_source

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

Shape = tuple[int, int, int]
# From TFDS's features and the place of a window to (image, label).
Example = Callable[..., tuple[tf.Tensor, tf.Tensor]]

DECODE_BATCH = 512


@register_source('tfds', location='NAME')
def load_tfds(
    location: str,
    data_dir: str | None = None,
    download: bool = True,
    validation_size: holdout.PartSize = holdout.VALIDATION_SIZE,
    fit: Fit = Fit(),
    test_size: holdout.PartSize | None = None,
) -> dataset.ImageDataset:
    """Returns the TFDS data set `location` as an `ImageDataset`.

    A split that takes at most `dataset.IN_MEMORY_BYTES` is decoded when first used and held in
    memory, in TFDS's own order; a larger one is decoded as it is read, shard after shard.

    Its splits 'train' and 'test' are used; without 'test' its 'validation' is the test split,
    without either `test_size` of 'train' is held out. Data that are already prepared are read
    without touching the network.

    Args:
        location: name of the data set as TFDS takes it, for example 'cifar10',
            'downsampled_imagenet/64x64' or 'cifar10:3.0.2'.
        data_dir: TFDS's folder, or None for its default.
        download: whether to download and prepare what is missing.
        validation_size, test_size: see `sources.load_dataset`.
        fit: how all images get one size.

    Raises:
        ValueError: if TFDS has no such data set, it has no uint8 images, or it is not there and
            cannot be prepared.
    """
    name = location
    with _quiet():
        builder = _open_builder(name, data_dir, download)
        features, splits = builder.info.features, builder.info.splits
    if (
        'image' not in features
        or features['image'].np_dtype != np.uint8
        or len(features['image'].shape) != 3
    ):
        raise ValueError(
            f"The TFDS data set {name!r} must have a feature 'image' of uint8 [height, width, "
            'channels]; '
            f'it has {dict(features.items())}. Choose a data set of images.'
        )
    shape = _image_shape(name, features['image'].shape, fit)
    classes = getattr(dict(features).get('label'), 'num_classes', None)

    def split(split_name: str) -> dataset.Split:
        info = splits[split_name]
        example = _make_example(builder, shape, fit, classes)
        too_large = info.num_examples * math.prod(shape) > dataset.IN_MEMORY_BYTES
        if (too_large or fit.is_random) and builder.info.file_format.file_suffix == 'tfrecord':
            features = _decoding(classes).extract_features(builder.info.features)
            return records.RecordSplit(
                info.filepaths,
                info.shard_lengths,
                lambda record, place: example(features.deserialize_example(record), place),
                shape,
            )
        return dataset.ArraySplit(
            lambda: _decode(builder, info, example, shape, classes), info.num_examples, shape
        )

    test_name = next(
        (test_name for test_name in ('test', 'validation') if test_name in splits), None
    )
    if 'train' not in splits:
        raise ValueError(
            f"The TFDS data set {name!r} must have a split 'train'; it has {sorted(splits)}."
        )
    if test_name is None:
        training, test = holdout.hold_out(split('train'), test_size)
    elif test_size is not None:
        raise ValueError(
            f'`test_size` has no use for the TFDS data set {name!r}, which has the split '
            f'{test_name!r}; '
            f'got test_size={test_size!r}.'
        )
    else:
        training, test = split('train'), split(test_name)
    train, validation = holdout.split_validation(training, validation_size)
    name = '/'.join(
        filter(None, (builder.name, builder.builder_config and builder.builder_config.name))
    )
    return dataset.ImageDataset(name, shape, classes, train, validation, test, str(builder.version))


def _open_builder(name: str, data_dir: str | None, download: bool) -> tfds.core.DatasetBuilder:
    """Returns the builder of `name`, with its data prepared."""
    import tensorflow_datasets as tfds  # optional, and slow to import

    data_dir = None if data_dir is None else pathlib.Path(data_dir).expanduser()
    try:
        builder = tfds.builder(name, data_dir=data_dir, try_gcs=False)
    except (ValueError, AttributeError, ImportError) as error:
        raise ValueError(
            f'TensorFlow Datasets {tfds.__version__} cannot open the data set {name!r}: '
            f'{first_line(error)} Names are '
            'listed at https://www.tensorflow.org/datasets/catalog; in the source they follow '
            '`tfds:`.'
        ) from error
    if builder.is_prepared():
        return builder
    failure, cause = 'downloading is switched off', None
    if download:
        try:
            builder.download_and_prepare()
            return builder
        except (
            Exception
        ) as error:  # TFDS lets through whatever its downloaders, checks and builders raise
            failure, cause = (
                f'preparing it failed ({type(error).__name__}: {first_line(error)})',
                error,
            )
    if builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
        manual = (
            'Its files must be fetched by hand into '
            f'{builder.data_dir_root / "downloads" / "manual"} first: '
            f'{" ".join(builder.MANUAL_DOWNLOAD_INSTRUCTIONS.split())} Then'
        )
    else:
        manual = 'To prepare it,'
    raise ValueError(
        f'The TFDS data set {name!r} is not prepared in {builder.data_dir}, and {failure}. If it '
        'is prepared '
        f'elsewhere, name the folder that holds {builder.name!r} with --data_dir. {manual} train '
        'once '
        'without --nodownload, with network access.'
    ) from cause


def _image_shape(name: str, declared: tuple[int | None, ...], fit: Fit) -> Shape:
    """Returns (height, width, channels) of the images as we give them, from the shape that TFDS
    declares.
    """
    if declared[2] is None or (fit.image_size is None and None in declared):
        raise ValueError(
            f'The images of the TFDS data set {name!r} vary in size: {declared}. Give '
            '`image_size`, for '
            'example image_size=(64, 64); a varying number of channels is not supported.'
        )
    if fit.image_size is not None and None not in declared:
        fit.check(f'Each image of the TFDS data set {name!r}', tuple(declared[:2]))
    return (*(fit.image_size or declared[:2]), declared[2])


def _decoding(classes: int | None) -> tfds.decode.PartialDecoding:
    import tensorflow_datasets as tfds

    return tfds.decode.PartialDecoding(
        {key: True for key in (('image', 'label') if classes else ('image',))}
    )


def _make_example(
    builder: tfds.core.DatasetBuilder, shape: Shape, fit: Fit, classes: int | None
) -> Example:
    """Returns the function from TFDS's features and the place of a window to (image uint8 `shape`,
    label int64, -1 without classes).
    """

    def fitted(image: np.ndarray, place: np.ndarray) -> np.ndarray:
        from PIL import Image

        fit.check(f'An image of the TFDS set {builder.name!r}', image.shape[:2])
        return fit(Image.fromarray(image[..., 0] if shape[2] == 1 else image), place)

    @tf.autograph.experimental.do_not_convert
    def example(
        features: dict[str, tf.Tensor], place: object = CENTRE
    ) -> tuple[tf.Tensor, tf.Tensor]:
        image = features['image']
        if image.shape != shape:
            image = tf.ensure_shape(tf.numpy_function(fitted, [image, place], tf.uint8), shape)
        return image, features['label'] if classes else tf.constant(-1, tf.int64)

    return example


def _decode(
    builder: tfds.core.DatasetBuilder,
    info: tfds.core.SplitInfo,
    example: Example,
    shape: Shape,
    classes: int | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the images uint8 `[num_examples, *shape]` and labels int64 `[num_examples]` of a
    split of prepared data.
    """
    import tensorflow_datasets as tfds

    total = info.num_examples
    images, labels = np.empty((total, *shape), np.uint8), np.empty(total, np.int64)
    done = 0
    text = f'Decoding {builder.name} {info.name}'
    try:
        with _quiet(), progress_bar(total, 0, text, 'image', delay=3, leave=False) as bar:
            examples = builder.as_dataset(
                split=info.name,
                shuffle_files=False,
                decoders=_decoding(classes),
                read_config=tfds.ReadConfig(try_autocache=False),
            )
            examples = examples.map(example, num_parallel_calls=tf.data.AUTOTUNE).take(total)
            # Batched inside tf.data: a Python loop over the examples takes three times as long.
            for batch in examples.batch(DECODE_BATCH).as_numpy_iterator():
                part = slice(done, done + len(batch[0]))
                images[part], labels[part] = batch
                done = part.stop
                bar.update(len(batch[0]))
    except (tf.errors.OpError, OSError) as error:
        raise ValueError(
            f'The TFDS data in {builder.data_dir} cannot be read: {error}. If files are damaged '
            'or '
            'missing, delete that folder and prepare the data again.'
        ) from error
    if done != total:
        raise ValueError(
            f'The TFDS data in {builder.data_dir} end after {done} of {total} examples of '
            f'{info.name!r}. '
            'Delete that folder and prepare the data again.'
        )
    return images, labels


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Holds back what TFDS logs; what is wrong with the data we say ourselves."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity(min(verbosity, logging.ERROR))
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
