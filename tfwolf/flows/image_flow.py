"""What the whole flows of images share that builders make: their levels, and what their factor-out
needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.chain import Chain
from tfwolf.core.untracked import Untracked
from tfwolf.flows.factor_out import FactorOut
from tfwolf.flows.levels import Level


class ImageFlow(Chain):
    """A chain of layers for images of one shape, which factors out in one way; keeps the image's
    shape.

    Args:
        layers: the image's side first.
        image_shape: (height, width, channels) of x.
        levels: rows of the table of its structure, the image's side first.
        factor_out: which dimensions leave.
        name: name of the flow.

    Attributes:
        levels: tuple of `Level`, the image's side first.
    """

    def __init__(
        self,
        layers: Sequence[FlowBijector],
        image_shape: Sequence[int],
        levels: Sequence[Level],
        factor_out: FactorOut,
        name: str,
    ) -> None:
        super().__init__(layers, name=name)
        self.event_shape = tf.TensorShape(image_shape)
        self.levels: tuple[Level, ...] = tuple(levels)
        self._factor_out = Untracked(factor_out)

    @property
    def preparation(self) -> Any | None:
        """What the factor-out needs before training, or None; see `tfwolf.models.preparation`."""
        return self._factor_out.value.preparation
