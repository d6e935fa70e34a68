"""The invertible 1x1 convolution, a learned mixture of channels (Glow, section 3.2)."""
import math

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector, per_example
from tfwolf.bijectors.matrix import FullMatrix


class InvertibleConv1x1(FlowBijector):
    """y = x W at every pixel; log|det dy/dx| = height width log|det W|.

    Args:
        matrix: the matrix W, a `FullMatrix` or `PLUMatrix` of as many rows as the images have channels.
        dtype: floating type, that of the matrix.

    Reference: Kingma and Dhariwal, "Glow: Generative Flow with Invertible 1x1 Convolutions", 2018, arXiv:1807.03039.
    """

    def __init__(self, matrix, dtype, name='invertible_conv1x1'):
        super().__init__(event_ndims=3, dtype=dtype, name=name)
        self.matrix = matrix

    def forward_and_log_det(self, x, condition=None):
        """Returns y = x W at every pixel and h w log|det W|, `[batch]` in nats."""
        return self.matrix.multiply(x), self._log_det(x)

    def inverse_and_log_det(self, y, condition=None):
        """Returns x, the solution of x W = y at every pixel, and -h w log|det W|."""
        return self.matrix.solve(y), -self._log_det(y)

    def _log_det(self, x):
        return per_example(math.prod(x.shape[1:-1]) * self.matrix.log_abs_det, x)


def invertible_conv1x1(channels, seed=0, dtype=tf.float32, matrix=FullMatrix):
    """Returns an `InvertibleConv1x1` of that many channels; `matrix` is the class of its matrix, `FullMatrix` or `PLUMatrix`."""
    return InvertibleConv1x1(matrix(channels, seed=seed, dtype=dtype), dtype=dtype)
