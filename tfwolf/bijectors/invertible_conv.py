"""The invertible 1x1 convolution: a learned linear map of channels (Glow, section 3.2)."""

from __future__ import annotations

import tensorflow as tf

from tfwolf.bijectors.invertible_linear import InvertibleLinear, Matrix
from tfwolf.bijectors.matrix import FullMatrix
from tfwolf.core.parts import register


# The name that the first gin files used.
@register(name='invertible_conv1x1')
class InvertibleConv1x1(InvertibleLinear):
    """y = x W at every pixel; log|det dy/dx| = height width log|det W|.

    Args:
        channels: number of channels of the images.
        seed: seed of the initial matrix.
        dtype: floating type.
        matrix: class of W, `FullMatrix` or `PLUMatrix`.

    Reference: Kingma and Dhariwal, "Glow: Generative Flow with Invertible 1x1 Convolutions", 2018,
        arXiv:1807.03039.

    >>> mixture = tfwolf.InvertibleConv1x1(3)
    >>> y, log_det = mixture.forward_and_log_det(tf.zeros([2, 4, 4, 3]))
    >>> bool(np.abs(log_det).max() < 1e-4)  # The initial matrix is orthogonal.
    True
    """

    def __init__(
        self,
        channels: int,
        seed: int = 0,
        dtype: tf.DType = tf.float32,
        matrix: Matrix = FullMatrix,
        name: str = 'invertible_conv1x1',
    ) -> None:
        super().__init__(channels, seed=seed, dtype=dtype, matrix=matrix, event_ndims=3, name=name)
