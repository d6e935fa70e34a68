"""A network of residual blocks, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfwolf.core import validate
from tfwolf.core.pinned_keras import keras


class ResidualStack(keras.Model):
    """Base class of networks that begin with residual blocks.

    Args:
        dtype: name of the floating type of weights and result.
        name: name of the network.
    """

    def __init__(self, dtype: str, name: str) -> None:
        super().__init__(dtype=dtype, name=name)
        self._block_names: list[str] = []

    def build(self, *_: Any) -> None:
        """Nothing: the layers build themselves. Without it, Keras traces the network first."""

    def _add_block(self, block: keras.layers.Layer) -> None:
        """Add a block after the others; it becomes the attribute of its name."""
        # Checkpoints do not contain layers in lists of a Keras model.
        setattr(self, block.name, block)
        self._block_names.append(block.name)

    def _through_blocks(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        """Return the result of all blocks for x `[batch, height, width, channels]`."""
        for name in self._block_names:
            x = getattr(self, name)(x, training=training)
        return x


def checked_widths(widths: Any) -> Sequence[int]:
    """Return the number of channels of each level.

    Raises:
        ValueError: if it is not a non-empty list of positive integers.
    """
    if not isinstance(widths, (list, tuple)) or not widths:
        raise ValueError(
            '`widths` must be a non-empty list with the number of channels of each level; got '
            f'widths={widths!r}.'
        )
    return [validate.integer('widths', width, minimum=1) for width in widths]
