"""The base class of complete flows of images: their levels and their factor-out."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.chain import Chain
from tfwolf.bijectors.preparation import Preparation
from tfwolf.core.untracked import Untracked
from tfwolf.flows.factor_out import FactorOut
from tfwolf.flows.levels import Level


class ImageFlow(Chain):
    """A chain of layers for images of one shape; keeps the image's shape.

    Args:
        layers: layers in the order in which x passes them.
        image_shape: (height, width, channels) of x.
        levels: description of the structure, from the highest resolution to the lowest.
        factor_out: selection of the dimensions that leave the flow.
        name: name of the flow.

    Attributes:
        levels: tuple of `Level`, from the highest resolution to the lowest.
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
    def preparation(self) -> Preparation | None:
        """The training phase that the factor-out needs first, or None."""
        return self._factor_out.value.preparation
