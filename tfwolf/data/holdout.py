"""Holding out examples for validation and, if a source has no test split, for test."""

from __future__ import annotations

import numbers

import numpy as np

from tfwolf.core import seeds
from tfwolf.data.dataset import Split

# A number of examples, or a float in (0, 1) for a fraction.
PartSize = int | float

VALIDATION_SIZE = 0.1
TEST_SIZE = 0.1


def part_size(name: str, size: PartSize, total: int) -> int:
    """Return the number of examples in a part of `total` examples.

    Args:
        name: name of the size in messages.
        size: integer for a number of examples, float in (0, 1) for a fraction.
        total: number of all examples.

    Raises:
        ValueError: if `size` is neither, or the part or the rest is empty.
    """
    fraction = isinstance(size, float) and 0 < size < 1
    if not fraction and (isinstance(size, bool) or not isinstance(size, numbers.Integral)):
        raise ValueError(
            f'`{name}` must be a number of examples or a float in (0, 1); got {name}={size!r}.'
        )
    count = round(size * total) if fraction else int(size)
    if not 0 < count < total:
        raise ValueError(
            f'`{name}` must leave at least one example in each part; got {name}={size!r}, '
            f'{count} of {total} examples.'
        )
    return count


def split_validation(examples: Split, validation_size: PartSize) -> tuple[Split, Split]:
    """Return (train, validation), where validation is the last part of the examples.

    Args:
        examples: `Split` of training and validation.
        validation_size: number or fraction of the examples; 0 for an empty validation split.

    Raises:
        ValueError: if `validation_size` is neither, or takes all examples.
    """
    total = examples.num_examples
    empty = validation_size == 0 and not isinstance(validation_size, bool)
    count = 0 if empty else part_size('validation_size', validation_size, total)
    return examples.select(np.arange(total - count)), examples.select(
        np.arange(total - count, total)
    )


def mixed_order(total: int) -> np.ndarray:
    """Return a fixed pseudo-random permutation of 0 .. total - 1, int64, that never changes."""
    return np.array(sorted(range(total), key=lambda i: seeds.derive(0, 'mixed order', i)), np.int64)


def hold_out(examples: Split, test_size: PartSize | None = None) -> tuple[Split, Split]:
    """Return (training, test), where test is the last part of the examples in `mixed_order`.

    Args:
        examples: `Split` of training and test.
        test_size: number or fraction of the examples; None for `TEST_SIZE`.

    Raises:
        ValueError: if `test_size` is neither, or one of the splits is empty.
    """
    order = mixed_order(examples.num_examples)
    count = part_size(
        'test_size', TEST_SIZE if test_size is None else test_size, examples.num_examples
    )
    return examples.select(order[:-count]), examples.select(order[-count:])
