"""Opening and preparation of data sets of TensorFlow Datasets (TFDS)."""

from __future__ import annotations

import contextlib
import pathlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from absl import logging

from tfwolf.core.messages import first_line
from tfwolf.core.paths import for_tensorflow
from tfwolf.data.tfds_features import check_features
from tfwolf.data.tfds_network import no_retries, silent_hosts

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

# Name, configuration, version.
NAME = re.compile(r'\w+(/[\w.-]+)?(:[\d.*]+)?')
DOWNLOADS = 'downloads'
# Addresses in a message.
LISTED = 4
CATALOG = 'https://www.tensorflow.org/datasets/catalog'


def open_builder(name: str, data_dir: str | None, download: bool) -> tfds.core.DatasetBuilder:
    """Return the builder of a data set after preparing its data.

    Data that are already prepared are used without network access.

    Args:
        name: name of the data set in TFDS, such as 'mnist', 'lsun/bedroom' or 'cifar10:3.0.2'.
        data_dir: folder of TFDS, or None for its default.
        download: whether to download and prepare missing data.

    Raises:
        ValueError: if TFDS has no such data set, or its data are missing and cannot be prepared.
    """
    import tensorflow_datasets as tfds  # Optional, and slow to import.

    # Names with a namespace, such as 'huggingface:NAME', are programs of others that TFDS runs, and
    # names with arguments can reach other folders.
    if not NAME.fullmatch(name):
        raise ValueError(
            "The source `tfds:` must be followed by a name of TFDS's own catalog, such as "
            f"'cifar10', 'lsun/bedroom' or 'cifar10:3.0.2'; got {name!r}. They are listed at "
            f'{CATALOG}.'
        )
    folder = None if data_dir is None else pathlib.Path(for_tensorflow('data_dir', data_dir))
    if folder is not None:
        check_features(folder / re.split('[/:]', name)[0])
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
            _prepare(builder)
            return builder
        # TFDS passes on all errors of its downloaders, checks and builders.
        except Exception as error:
            failure = f'preparing it failed ({type(error).__name__}: {first_line(error)})'
            cause = error
    raise ValueError(
        f'The TFDS data set {name!r} is not prepared in {builder.data_dir}, and {failure}. If it '
        f'is prepared elsewhere, set --data_dir to the folder that contains {builder.name!r}. '
        f'{_advice(builder)} train once without --nodownload, with network access.'
    ) from cause


def _prepare(builder: tfds.core.DatasetBuilder) -> None:
    """Download and prepare a data set.

    Raises:
        ConnectionError: if its files are not there and none of their hosts answers.
    """
    silent = silent_hosts(builder.url_infos or ())
    by_hand = pathlib.Path(builder.data_dir_root) / DOWNLOADS
    if silent and not (by_hand.is_dir() and any(by_hand.rglob('*.*'))):
        raise ConnectionError(f'no network: {", ".join(silent)} did not answer')
    with no_retries() if silent else contextlib.nullcontext():
        builder.download_and_prepare()


def _advice(builder: tfds.core.DatasetBuilder) -> str:
    """Return what a user can do about missing data, as the beginning of a sentence."""
    by_hand = pathlib.Path(builder.data_dir_root) / DOWNLOADS / 'manual'
    if builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
        return (
            f'Its files must be downloaded by hand into {by_hand} first: '
            f'{" ".join(builder.MANUAL_DOWNLOAD_INSTRUCTIONS.split())} Then'
        )
    addresses = list(builder.url_infos or ())
    if not addresses:
        return 'To prepare it,'
    more = f' and {len(addresses) - LISTED} more' if len(addresses) > LISTED else ''
    return (
        f'Without a network, copy the prepared folder {builder.data_dir} from another machine, or '
        f'its files {", ".join(addresses[:LISTED])}{more} into {by_hand}. To prepare it here,'
    )


@contextlib.contextmanager
def quiet_tfds() -> Iterator[None]:
    """Suppress log messages of TFDS except for errors."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity(min(verbosity, logging.ERROR))
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
