"""Holding out images by a hash of their name or content, so that a new image moves no other."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from tfwolf.data import holdout
from tfwolf.data.dataset import Split
from tfwolf.data.holdout import PartSize, part_size

HASH_BYTES = 8


def parts(
    splits: dict[str, Split],
    validation_size: PartSize | None,
    test_size: PartSize | None,
    earlier: bool = False,
) -> tuple[Split, Split, Split]:
    """Return (train, validation, test); those that are missing are held out.

    Args:
        splits: by name 'train', 'validation' and 'test', or 'all'.
        validation_size, test_size: see `sources.load_dataset`.
        earlier: whether to hold out by the position of images, as for runs of earlier versions.
    """
    training, test = splits.get('train', splits.get('all')), splits.get('test')
    if training is None:
        raise ValueError(f'`splits` must have training images; got {sorted(splits)}.')
    size = holdout.VALIDATION_SIZE if validation_size is None else validation_size
    if test is None and earlier:
        training, test = holdout.hold_out(training, test_size)
    elif test is None:
        test_size = holdout.TEST_SIZE if test_size is None else test_size
        training, test = hold_out(mixed(training), test_size, 'test_size')
    validation = None if earlier else splits.get('validation')
    if validation is None:
        split = holdout.split_validation if earlier else split_validation
        training, validation = split(training, size)
    return training, validation, test


def hold_out(examples: Split, size: PartSize, name: str) -> tuple[Split, Split]:
    """Return (rest, part) of a split, both in its order.

    With a fraction, an image belongs to the part if the hash of its key is below it, so the number
    of images is close to the fraction, and other images do not matter. With a number, the images
    with the smallest hashes are the part: a new image replaces at most one other.

    Args:
        examples: `Split` with `identities`.
        size: number or fraction of the examples.
        name: 'test_size' or 'validation_size', the name of the size in messages. Each holds out
            other images.

    Raises:
        ValueError: if `size` is neither, or one of the parts is empty.
    """
    total = examples.num_examples
    values = _hashes(_keys(examples), name)
    if isinstance(size, float) and 0 < size < 1 and total > 1:
        count = min(max(int((values < size).sum()), 1), total - 1)
    else:
        count = part_size(name, size, total)
    chosen = np.zeros(total, bool)
    chosen[np.argsort(values, kind='stable')[:count]] = True
    return examples.select(np.flatnonzero(~chosen)), examples.select(np.flatnonzero(chosen))


def split_validation(examples: Split, size: PartSize) -> tuple[Split, Split]:
    """Return (train, validation) by `hold_out`; the validation split is empty for a size of 0."""
    if size == 0 and not isinstance(size, bool):
        return examples, examples.select([])
    return hold_out(examples, size, 'validation_size')


def mixed(examples: Split) -> Split:
    """Return a split in the order of a hash, so that its first images are of all kinds."""
    return examples.select(np.argsort(_hashes(_keys(examples), 'order'), kind='stable'))


def _keys(examples: Split) -> Sequence[str]:
    if examples.identities is None:
        raise ValueError('`examples` must have `identities`; got a split without.')
    return examples.identities.keys


def _hashes(keys: Sequence[str], purpose: str) -> np.ndarray:
    """Return a number in [0, 1) for each key, float64; other numbers for another purpose."""
    digests = (
        # A name of a file may not be valid Unicode.
        hashlib.blake2b(
            f'{purpose} {key}'.encode('utf-8', 'surrogateescape'), digest_size=HASH_BYTES
        ).digest()
        for key in keys
    )
    return np.array([int.from_bytes(digest, 'big') for digest in digests]) / 2.0 ** (8 * HASH_BYTES)
