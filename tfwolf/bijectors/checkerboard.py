"""How a coupling parts pixels into two colours of a checkerboard (Real NVP, section 3.4)."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfwolf.bijectors.squeeze import check_squeezable


class Checkerboard:
    """Parts an image by the colour of its pixels: those of one colour condition, those of the other
    are transformed.

    Pixels whose row and column add up to an odd number condition; with `swapped` the even ones do.
    Both parts have the image's
    shape: the conditioning part is zero at the other colour, the transformed part is the whole
        image, of which `merge`
    takes one colour.

    Args:
        height, width: size of the image, both even, so that both colours are equally many in each
            window of 2x2.
        channels: number of channels.
        swapped: whether even pixels condition.

    Raises:
        ValueError: if height or width is odd.

    Reference: Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", 2017, equation
        9: b is 1 where the
    sum of the coordinates is odd.
    """

    def __init__(self, height: int, width: int, channels: int, swapped: bool = False) -> None:
        check_squeezable(height, width)
        rows, columns = np.indices((height, width))
        self._conditions = ((rows + columns) % 2 == (0 if swapped else 1))[..., None]
        self.conditioning_channels = self.transformed_channels = channels

    def split(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns x with zeros at the colour that is transformed, and x itself."""
        return tf.where(self._conditions, x, tf.zeros_like(x)), x

    def merge(self, conditioning: tf.Tensor, transformed: tf.Tensor) -> tf.Tensor:
        """Returns the conditioning pixels and, at the other colour, the transformed ones."""
        return tf.where(self._conditions, conditioning, transformed)

    def only_transformed(self, values: tf.Tensor) -> tf.Tensor:
        """Returns `values` with zeros at the conditioning pixels."""
        return tf.where(self._conditions, tf.zeros_like(values), values)
