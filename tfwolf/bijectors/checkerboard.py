"""The split of pixels by the colors of a checkerboard (Real NVP, section 3.4)."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfwolf.bijectors.squeeze import check_squeezable


class Checkerboard:
    """Splits an image by pixel color: one color conditions, the other is transformed.

    Pixels with an odd sum of row and column condition; with `swapped`, those with an even sum.
    Both parts have the image's shape. The conditioning part is zero at the other color. The
    transformed part is the whole image, and `merge` selects one color of it.

    Args:
        height, width: size of the image; both must be even, so that each 2x2 window has two pixels
            of each color.
        channels: number of channels.
        swapped: whether the pixels with an even sum condition.

    Raises:
        ValueError: if height or width is odd.

    Reference: Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", 2017,
        arXiv:1605.08803, equation 9: b is 1 where the sum of the coordinates is odd.
    """

    def __init__(self, height: int, width: int, channels: int, swapped: bool = False) -> None:
        check_squeezable(height, width)
        rows, columns = np.indices((height, width))
        self._conditions = ((rows + columns) % 2 == (0 if swapped else 1))[..., None]
        self.conditioning_channels = self.transformed_channels = channels

    def split(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return x with zeros at the transformed color, and x itself."""
        return tf.where(self._conditions, x, tf.zeros_like(x)), x

    def merge(self, conditioning: tf.Tensor, transformed: tf.Tensor) -> tf.Tensor:
        """Return the conditioning pixels, and the transformed ones at the other color."""
        return tf.where(self._conditions, conditioning, transformed)

    def only_transformed(self, values: tf.Tensor) -> tf.Tensor:
        """Return `values` with zeros at the conditioning pixels."""
        return tf.where(self._conditions, tf.zeros_like(values), values)
