"""A residual network from images to features of the same height and width."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfwolf.core import seeds, validate
from tfwolf.core.parts import register
from tfwolf.nets.residual import ResidualBlock
from tfwolf.nets.residual_stack import ResidualStack, checked_widths
from tfwolf.nets.transposed_residual import TransposedResidualBlock


@register
class FeatureEncoder(ResidualStack):
    """Residual blocks down to a low resolution and up again, without skip connections.

    Each level has two residual blocks down, of strides 1 and 2, and two transposed ones up. The
    block of stride 2 goes up to the width of the level above. The network of the program of Wolf's
    authors for their dequantizer.

    Args:
        image_shape: (height, width, channels) of the images.
        widths: number of channels of each level, from the highest resolution to the lowest.
        out_channels: number of channels of the features.
        seed: seed of the initial weights.
        dtype: floating type of weights and features.
        compute_dtype: type in which convolutions are computed, such as 'bfloat16'; None for
            `dtype`.

    Raises:
        ValueError: if a size is not a positive integer, or the image cannot be halved at every
            level.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        widths: Sequence[int],
        out_channels: int,
        seed: int = 0,
        dtype: tf.DType = tf.float32,
        compute_dtype: str | tf.DType | None = None,
    ) -> None:
        type_name = tf.as_dtype(dtype).name
        super().__init__(dtype=type_name, name='feature_encoder')
        self.out_channels: int = validate.integer('out_channels', out_channels, minimum=1)
        widths = checked_widths(widths)
        sides = tuple(image_shape[:2])
        if any(side % 2 ** len(widths) for side in sides):
            raise ValueError(
                f'Height and width must be multiples of {2 ** len(widths)} for {len(widths)} '
                f'levels; got {sides[0]}x{sides[1]}.'
            )

        def add(
            kind: type[ResidualBlock], name: str, inputs: int, outputs: int, strides: int
        ) -> None:
            block_seed = seeds.derive(seed, name)
            self._add_block(
                kind(inputs, outputs, strides, block_seed, type_name, compute_dtype, name)
            )

        channels = image_shape[-1]
        for level, width in enumerate(widths):
            add(ResidualBlock, f'down{level}_block0', channels, width, 1)
            add(ResidualBlock, f'down{level}_block1', width, width, 2)
            channels = width
        above = [out_channels, *widths[:-1]]
        for level in reversed(range(len(widths))):
            width = widths[level]
            add(TransposedResidualBlock, f'up{level}_block0', width, width, 1)
            add(TransposedResidualBlock, f'up{level}_block1', width, above[level], 2)
        self(tf.zeros([1, *image_shape], type_name))

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return features, `[batch, height, width, out_channels]`.

        Args:
            x: `[batch, height, width, channels]` in [-1, 1].
            training: whether batch norm uses the statistics of the batch.
        """
        return self._through_blocks(x, training)
