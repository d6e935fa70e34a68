"""Selection of the dimensions that leave a flow at a factor-out: by position or at random.

A flow requests from its `factor_out` the layers that reorder the squeezed image `[height, width,
4 c]` so that the first channels stay in the flow. The squeeze orders channels by position: channel
`position * c + channel`, with the four positions of a 2x2 window in raster order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.preparation import Preparation
from tfwolf.core import seeds
from tfwolf.core.parts import register
from tfwolf.flows.arrangement import Arrangement

# Number of pixels in a 2x2 window.
WINDOW = 4
Shape = Sequence[int]


class FactorOut(Protocol):
    """Selects the dimensions that leave a flow.

    Attributes:
        splits: whether any dimensions leave.
    """

    splits: bool

    @property
    def preparation(self) -> Preparation | None:
        """The training phase that must come first, or None."""
        ...

    def layers(
        self, shape: Shape, num_leaving: int, seed: int, dtype: tf.DType
    ) -> list[FlowBijector]:
        """Return the layers that move the channels that stay to the front.

        Args:
            shape: (height, width, 4 c) of the squeezed image.
            num_leaving: number of equal parts in which half of the dimensions leave.
            seed: seed of the layers.
            dtype: floating type of the layers.
        """
        ...


@register
class Conventional:
    """Dimensions leave by position: the last channels of the squeezed image (Real NVP, 3.6)."""

    splits: bool = True
    preparation: None = None

    def layers(
        self, shape: Shape, num_leaving: int, seed: int, dtype: tf.DType
    ) -> list[FlowBijector]:
        """Return an empty list: no reordering is needed."""
        return []


@register
class RandomHalves:
    """A random half of all dimensions leaves, regardless of windows (LCMA, section 5.3)."""

    splits: bool = True
    preparation: None = None

    def layers(
        self, shape: Shape, num_leaving: int, seed: int, dtype: tf.DType
    ) -> list[FlowBijector]:
        """Return an `Arrangement` of `[height, width, 4 c]` that is drawn from the seed.

        Args:
            shape: (height, width, 4 c) of the squeezed image.
            num_leaving: number of equal parts in which half of the dimensions leave, 1 or 2.
            seed: seed of the permutation.
            dtype: floating type of the layer.
        """
        draw = seeds.generator(seed, 'random halves').permutation(np.prod(shape))
        layer = Arrangement(shape, dtype)
        layer.decide(_order_of_parts(np.split(draw, _cuts(len(draw), num_leaving)), shape))
        return [layer]


def _cuts(total: int, num_leaving: int) -> list[int]:
    """Return the end of the half that stays, and of each leaving part except the last."""
    return [total // 2 + part * total // (2 * num_leaving) for part in range(num_leaving)]


def _order_of_parts(parts: Sequence[np.ndarray], shape: Shape) -> np.ndarray:
    """Return the order `[height, width, 4 c]` of an `Arrangement` for parts of the entries.

    The entries of each part are sorted by their raster position in the unsqueezed image.
    """
    height, width, channels = shape
    places = np.arange(np.prod(shape)).reshape(height, 2, width, 2, channels // WINDOW)
    squeezed = places.transpose(0, 2, 1, 3, 4).reshape(-1)
    position_of = np.argsort(squeezed)
    blocks = [position_of[np.sort(part)].reshape(height, width, -1) for part in parts]
    return np.concatenate(blocks, axis=-1)
