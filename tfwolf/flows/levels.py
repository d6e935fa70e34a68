"""The structure of a flow of images as a table, and the check of image shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.composite import leaves
from tfwolf.bijectors.squeeze import check_squeezable
from tfwolf.core import validate
from tfwolf.nets.protocol import CouplingNetwork, hidden_arrays, hidden_width


class Level(NamedTuple):
    """Couplings of equal width on `[height, width, channels]`, and a factor-out.

    Attributes:
        level: index of the level.
        height, width, channels: shape of the images at this level.
        num_steps: number of steps.
        num_couplings: number of couplings and other layers with a network.
        hidden_channels: width of the couplings' networks.
        hidden_arrays: approximate number of arrays of this width that backpropagation stores for
            one coupling, their mean; used to estimate memory.
        leaving: number of channels that leave the flow after this level.
        parameters: number of trainable scalars.
    """

    level: int
    height: int
    width: int
    channels: int
    num_steps: int
    num_couplings: int
    hidden_channels: int
    hidden_arrays: float
    leaving: int
    parameters: int


def networks(layers: Sequence[FlowBijector]) -> list[CouplingNetwork]:
    """Return the networks of all layers that have one, in the order in which x visits them.

    Repeated layers contribute the network of their template.
    """
    found = (getattr(leaf, 'net', None) for layer in layers for leaf in leaves(layer))
    return [net for net in found if net is not None]


def mean_hidden_arrays(layers: Sequence[FlowBijector], hidden_channels: int) -> float:
    """Return the mean number of hidden arrays of the networks in `layers`; 0 if there are none.

    Args:
        layers: the layers of a level.
        hidden_channels: width of an array; networks of another width count in proportion.
    """
    found = networks(layers)
    total = sum(hidden_arrays(net) * hidden_width(net, hidden_channels) for net in found)
    return total / (hidden_channels * len(found)) if found else 0


def check_image_shape(image_shape: Sequence[int], num_squeezes: int) -> None:
    """Check that images of this shape can be squeezed `num_squeezes` times.

    Args:
        image_shape: (height, width, channels).
        num_squeezes: number of squeezes of 2x2 pixels.

    Raises:
        ValueError: if it is not an image shape, or a side is odd before one of the squeezes.
    """
    if len(image_shape) != 3:
        raise ValueError(
            f'`image_shape` must be (height, width, channels); got image_shape={image_shape!r}.'
        )
    height, width, _ = (validate.integer('image_shape', size, minimum=1) for size in image_shape)
    for _ in range(num_squeezes):
        check_squeezable(height, width)
        height, width = height // 2, width // 2
