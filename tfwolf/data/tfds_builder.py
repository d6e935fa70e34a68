"""Opening and preparation of data sets of TensorFlow Datasets (TFDS)."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from absl import logging

from tfwolf.core.messages import first_line

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

CATALOG = 'https://www.tensorflow.org/datasets/catalog'


def open_builder(name: str, data_dir: str | None, download: bool) -> tfds.core.DatasetBuilder:
    """Return the builder of a data set after preparing its data.

    Data that are already prepared are used without network access.

    Args:
        name: name of the data set in TFDS.
        data_dir: folder of TFDS, or None for its default.
        download: whether to download and prepare missing data.

    Raises:
        ValueError: if TFDS has no such data set, or its data are missing and cannot be prepared.
    """
    import tensorflow_datasets as tfds  # Optional, and slow to import.

    folder = None if data_dir is None else pathlib.Path(data_dir).expanduser()
    try:
        builder = tfds.builder(name, data_dir=folder, try_gcs=False)
    except (ValueError, AttributeError, ImportError) as error:
        raise ValueError(
            f'TensorFlow Datasets {tfds.__version__} cannot open the data set {name!r}: '
            f'{first_line(error)} Its data sets are listed at {CATALOG}; the source is `tfds:` '
            'followed by the name.'
        ) from error
    if builder.is_prepared():
        return builder
    failure, cause = 'downloading is disabled', None
    if download:
        try:
            builder.download_and_prepare()
            return builder
        # TFDS passes on all errors of its downloaders, checks and builders.
        except Exception as error:
            failure = f'preparing it failed ({type(error).__name__}: {first_line(error)})'
            cause = error
    if builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
        advice = (
            'Its files must be downloaded by hand into '
            f'{builder.data_dir_root / "downloads" / "manual"} first: '
            f'{" ".join(builder.MANUAL_DOWNLOAD_INSTRUCTIONS.split())} Then'
        )
    else:
        advice = 'To prepare it,'
    raise ValueError(
        f'The TFDS data set {name!r} is not prepared in {builder.data_dir}, and {failure}. If it '
        f'is prepared elsewhere, set --data_dir to the folder that contains {builder.name!r}. '
        f'{advice} train once without --nodownload, with network access.'
    ) from cause


@contextlib.contextmanager
def quiet_tfds() -> Iterator[None]:
    """Suppress log messages of TFDS except for errors."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity(min(verbosity, logging.ERROR))
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
