"""The structure of a flow of images as rows of a table, and the check that an image has as many
levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.composite import leaves
from tfwolf.bijectors.coupling import Coupling
from tfwolf.bijectors.squeeze import check_squeezable
from tfwolf.core import validate
from tfwolf.nets.protocol import CouplingNetwork, hidden_arrays


class Level(NamedTuple):
    """`num_couplings` couplings of one width on `[height, width, channels]`, after which `leaving`
    channels leave.

    Backpropagation keeps about `hidden_arrays` arrays of the width of a coupling's network, for an
    estimate of memory."""

    level: int
    height: int
    width: int
    channels: int
    num_steps: int
    num_couplings: int
    hidden_channels: int
    hidden_arrays: int
    leaving: int
    parameters: int


def networks(layers: Sequence[FlowBijector]) -> list[CouplingNetwork]:
    """Returns the networks of all couplings inside layers, in the order in which x visits them; of
    equal layers that of their template.
    """
    return [leaf.net for layer in layers for leaf in leaves(layer) if isinstance(leaf, Coupling)]


def most_hidden_arrays(layers: Sequence[FlowBijector]) -> int:
    """Returns the largest number of hidden arrays of the networks inside layers; 0 without any."""
    return max(map(hidden_arrays, networks(layers)), default=0)


def check_image_shape(image_shape: Sequence[int], num_squeezes: int) -> None:
    """Checks that images of this shape can be squeezed as often.

    Args:
        image_shape: (height, width, channels).
        num_squeezes: how often 2x2 pixels become channels.

    Raises:
        ValueError: if it is not a shape of images, or a side becomes odd before the last squeeze.
    """
    if len(image_shape) != 3:
        raise ValueError(
            f'`image_shape` must be (height, width, channels); got image_shape={image_shape!r}.'
        )
    height, width, _ = (validate.integer('image_shape', size, minimum=1) for size in image_shape)
    for _ in range(num_squeezes):
        check_squeezable(height, width)
        height, width = height // 2, width // 2
