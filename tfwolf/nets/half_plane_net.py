"""The network of a masked convolution: a hidden layer that reads one half plane of the image."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfwolf.core import seeds, validate
from tfwolf.nets.condition import Condition
from tfwolf.nets.conditioned_net import ConditionedNet, uniform_weight
from tfwolf.nets.half_plane import HalfPlane
from tfwolf.nets.kept import elu, keep
from tfwolf.nets.precision import compute_type, conv2d

# Widths of the hidden layer (MaCow, appendix A): four times the channels, at most twice from 97 on.
WIDE_CHANNELS, WIDEST = 96, 512


def hidden_width(channels: int) -> int:
    """Return the width of the hidden layer for images of so many channels."""
    return 4 * channels if channels <= WIDE_CHANNELS else min(2 * channels, WIDEST)


class HalfPlaneNet(ConditionedNet):
    """conv of a half plane, terms of the condition, ELU, conv 1x1.

    The last convolution is weight-normalized. Output pixels depend on the half plane only.

    Args:
        window: the `HalfPlane`.
        channels: channels of x.
        out_channels: channels of the result.
        condition_dim: size of the condition's vector, or 0.
        condition_channels: channels of the condition's image at the resolution of x, or 0.
        seed: seed of the initial weights.
        dtype: floating type of weights and result.
        compute_dtype: type of the computations inside, such as 'bfloat16'; None for `dtype`.

    Raises:
        ValueError: if a size or a type is not allowed.

    Source: Ma et al., "MaCow: Masked Convolutional Generative Flow", 2019, arXiv:1902.04208,
        section 3.1.
    """

    hidden_arrays: int = 2

    def __init__(
        self,
        window: HalfPlane,
        channels: int,
        out_channels: int,
        condition_dim: int = 0,
        condition_channels: int = 0,
        seed: int = 0,
        dtype: tf.DType = tf.float32,
        compute_dtype: str | tf.DType | None = None,
    ) -> None:
        super().__init__(name='half_plane_net')
        validate.integer('channels', channels, minimum=1)
        self.window = window.checked()
        self.compute_dtype = compute_type(compute_dtype, dtype)
        random = seeds.generator(seed, 'half_plane_net')
        height, width = window.kernel_size
        hidden = self.hidden_channels = hidden_width(channels)
        self.kernel = uniform_weight(
            [height, width, channels, hidden],
            height * width * channels,
            random,
            dtype,
            'kernel',
        )
        self._add_condition_layers(condition_dim, condition_channels, hidden, random, dtype)
        self._add_output_layer([1, 1, hidden, out_channels], random, dtype)

    def __call__(
        self, x: tf.Tensor, condition: Condition | None = None, training: bool = False
    ) -> tf.Tensor:
        """Return `[batch, height, width, out_channels]`.

        Args:
            x: image, `[batch, height, width, channels]`.
            condition: as the network was built for; see `tfwolf.nets.condition`.
            training: not used.

        Raises:
            ValueError: if a part of the condition is missing or has another shape.
        """
        return keep(self.of_image(x, self.condition_terms(condition, x)))

    def of_image(self, x: tf.Tensor, terms: Sequence[tf.Tensor]) -> tf.Tensor:
        """Return the result for given terms of the condition; see `__call__`."""
        h = conv2d(self.window.shifted(x), self.kernel, self.compute_dtype, padding='VALID')
        return self._output(h, terms, x.dtype)

    def of_line(self, previous: tf.Tensor, terms: Sequence[tf.Tensor]) -> tf.Tensor:
        """Return the result for one line of the image.

        Args:
            previous: the lines before it in scanning order, the latest last, `[batch, depth, pixels
                of a line, channels]`; zeros outside the image.
            terms: terms of the condition for this line, `[batch, 1, pixels or 1, hidden]`.

        Returns:
            `[batch, 1, pixels of a line, out_channels]`.
        """
        side = self.window.breadth // 2
        padded = tf.pad(previous, [[0, 0], [0, 0], [side, side], [0, 0]])
        kernel = self.window.line_kernel(self.kernel)
        h = conv2d(padded, kernel, self.compute_dtype, padding='VALID')
        return self._output(h, terms, previous.dtype)

    def _output(self, h: tf.Tensor, terms: Sequence[tf.Tensor], dtype: tf.DType) -> tf.Tensor:
        for term in terms:
            h += term
        y = conv2d(elu(h), self.output_kernel, self.compute_dtype)
        return tf.cast(y, dtype) + self.output_bias
