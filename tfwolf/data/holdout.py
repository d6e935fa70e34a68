"""Which examples are kept away from training: validation and, where a source has none, test."""

from __future__ import annotations

import numbers

import numpy as np

from tfwolf.core import seeds
from tfwolf.data.dataset import Split

# A number of examples, or a float in (0, 1), a fraction of them.
PartSize = int | float

VALIDATION_SIZE = 0.1
TEST_SIZE = 0.1


def part_size(name: str, size: PartSize, total: int) -> int:
    """Returns how many of `total` examples `size` means: an integer is their number, a float in (0,
    1) a fraction.

    Raises:
        ValueError: if `size` is neither, or leaves no examples on either side.
    """
    fraction = isinstance(size, float) and 0 < size < 1
    if not fraction and (isinstance(size, bool) or not isinstance(size, numbers.Integral)):
        raise ValueError(
            f'`{name}` must be a number of examples or a float in (0, 1); got {name}={size!r}.'
        )
    count = round(size * total) if fraction else int(size)
    if not 0 < count < total:
        raise ValueError(
            f'`{name}` must leave at least one example on each side; got {name}={size!r}, that is '
            f'{count} of {total} examples.'
        )
    return count


def split_validation(examples: Split, validation_size: PartSize) -> tuple[Split, Split]:
    """Returns (train, validation): the last `validation_size` (a number or a fraction) of
    `examples` are validation.

    With 0 the validation split is empty.

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
    """Returns a fixed permutation of 0 .. total - 1 (numpy int64), the same everywhere and for
    ever.
    """
    return np.array(sorted(range(total), key=lambda i: seeds.derive(0, 'mixed order', i)), np.int64)


def hold_out(examples: Split, test_size: PartSize | None = None) -> tuple[Split, Split]:
    """Returns (training, test): the last `test_size` (number, fraction, None: `TEST_SIZE`) of
    `mixed_order` are test.

    Raises:
        ValueError: if `test_size` is neither, or leaves no examples on either side.
    """
    order = mixed_order(examples.num_examples)
    count = part_size(
        'test_size', TEST_SIZE if test_size is None else test_size, examples.num_examples
    )
    return examples.select(order[:-count]), examples.select(order[-count:])
