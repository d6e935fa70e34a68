"""The half plane of an image that a masked convolution reads: rows above, or below, left, right."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from tfwolf.core import validate


class HalfPlane(NamedTuple):
    """A window that lies entirely on one side of a pixel.

    The side is that of smaller or larger indices along one axis of the image, *lines* are the rows
    or columns along it. In the *scanning order* each line comes after all lines that it depends on.

    Attributes:
        axis: 0 for windows above or below the pixel, 1 for windows to the left or right of it.
        reverse: whether the window lies below, or to the right.
        depth: number of lines that the window covers.
        breadth: number of pixels that it covers in each line, odd, centered at the pixel.
    """

    axis: int
    reverse: bool
    depth: int = 2
    breadth: int = 3

    def checked(self) -> HalfPlane:
        """Return the object itself.

        Raises:
            ValueError: if a size is not positive, or `breadth` is even.
        """
        validate.integer('depth', self.depth, minimum=1)
        if validate.integer('breadth', self.breadth, minimum=1) % 2 == 0:
            raise ValueError(f'`breadth` must be odd; got breadth={self.breadth!r}.')
        return self

    @property
    def kernel_size(self) -> tuple[int, int]:
        """(height, width) of the window."""
        return (self.breadth, self.depth) if self.axis else (self.depth, self.breadth)

    def shifted(self, x: tf.Tensor) -> tf.Tensor:
        """Return x padded with zeros and cut, so that a VALID convolution reads the half plane.

        Args:
            x: `[batch, height, width, channels]`.

        Returns:
            `[batch, height + kernel height - 1, width + kernel width - 1, channels]`.
        """
        (lines,) = validate.static_shape('x', [x.shape[1 + self.axis]])
        first = int(self.reverse)
        cut = x[:, :, first : first + lines - 1] if self.axis else x[:, first : first + lines - 1]
        along = [0, self.depth] if self.reverse else [self.depth, 0]
        across = [self.breadth // 2] * 2
        paddings = [across, along] if self.axis else [along, across]
        return tf.pad(cut, [[0, 0], *paddings, [0, 0]])

    def lines_of(self, x: tf.Tensor) -> tf.Tensor:
        """Return the lines of x in scanning order.

        Args:
            x: `[batch, height, width, channels]`.

        Returns:
            `[lines, batch, pixels of a line, channels]`.
        """
        lines = tf.transpose(x, [2, 0, 1, 3] if self.axis else [1, 0, 2, 3])
        return tf.reverse(lines, [0]) if self.reverse else lines

    def image_of(self, lines: tf.Tensor) -> tf.Tensor:
        """Return the image of lines in scanning order; the inverse of `lines_of`."""
        lines = tf.reverse(lines, [0]) if self.reverse else lines
        return tf.transpose(lines, [1, 2, 0, 3] if self.axis else [1, 0, 2, 3])

    def line_kernel(self, kernel: tf.Tensor | tf.Variable) -> tf.Tensor:
        """Return a kernel `[height, width, in, out]` for the last `depth` lines in scanning order.

        Returns:
            `[depth, breadth, in, out]`.
        """
        kernel = tf.transpose(kernel, [1, 0, 2, 3]) if self.axis else tf.convert_to_tensor(kernel)
        return tf.reverse(kernel, [0]) if self.reverse else kernel


# The four windows of MaCow, in the order of its unit: rows above and below, columns left and right.
ABOVE, BELOW = HalfPlane(axis=0, reverse=False), HalfPlane(axis=0, reverse=True)
LEFT, RIGHT = HalfPlane(axis=1, reverse=False), HalfPlane(axis=1, reverse=True)
