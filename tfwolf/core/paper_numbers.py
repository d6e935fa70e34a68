"""The numbers of Wolf's paper that stand beside measured ones, by data set."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class PaperNumbers(NamedTuple):
    """What the paper reports for a data set.

    Attributes:
        num_dims: color values of an image.
        bits_per_dim: of 8 bits with uniform dequantization (table 1), as printed; '' if none.
        frechet_distance: table 2, or None.
        accuracies: `{code: share}` of a linear SVM on all training labels (table 4).
    """

    num_dims: int = 1
    bits_per_dim: str = ''
    frechet_distance: float | None = None
    accuracies: Mapping[str, float] = MappingProxyType({})


_NUMBERS = MappingProxyType(
    {
        'cifar10': PaperNumbers(
            3072, '3.27', 37.52, MappingProxyType({'z': 0.5953, 'v': 0.1716, 'pixels': 0.3532})
        ),
        'downsampled_imagenet/64x64': PaperNumbers(12288, '3.72'),
    }
)


def numbers_for(dataset: str) -> PaperNumbers:
    """Return the `PaperNumbers` of a data set by its name; without numbers if it is not there."""
    return _NUMBERS.get(dataset, PaperNumbers())
