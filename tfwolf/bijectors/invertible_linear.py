"""The invertible linear map of the last dimension (Wolf, appendix B: the prior of z)."""

from __future__ import annotations

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.log_det_terms import SummedTerms, Terms
from tfwolf.bijectors.matrix import FullMatrix, PLUMatrix
from tfwolf.nets.condition import Condition

Matrix = type[FullMatrix] | type[PLUMatrix]


class InvertibleLinear(FlowBijector):
    """y = x W over the last dimension of x.

    log|det dy/dx| = log|det W| for a vector, height width log|det W| for an image.

    Args:
        features: size of the last dimension of x.
        seed: seed of the initial matrix.
        dtype: floating type.
        matrix: class of W, `FullMatrix` or `PLUMatrix`.
        event_ndims: 1 for vectors `[features]`, 3 for images `[height, width, features]`.
    """

    def __init__(
        self,
        features: int,
        seed: int = 0,
        dtype: tf.DType = tf.float32,
        matrix: Matrix = FullMatrix,
        event_ndims: int = 1,
        name: str = 'invertible_linear',
    ) -> None:
        super().__init__(event_ndims=event_ndims, dtype=dtype, name=name)
        self.matrix = matrix(features, seed=seed, dtype=dtype)

    def _forward_terms(
        self, x: tf.Tensor, condition: Condition | None, training: bool
    ) -> tuple[tf.Tensor, Terms]:
        return self.matrix.multiply(x), self._terms(x, self.matrix.log_abs_det)

    def _inverse_terms(self, y: tf.Tensor, condition: Condition | None) -> tuple[tf.Tensor, Terms]:
        return self.matrix.solve(y), self._terms(y, -self.matrix.log_abs_det)

    def _terms(self, x: tf.Tensor, log_abs_det: tf.Tensor) -> SummedTerms:
        """Return terms that share log|det W| equally among the entries of each pixel."""
        num_pixels = tf.TensorShape(x.shape[1:-1]).num_elements()
        channels = tf.TensorShape(x.shape[-1:]).num_elements()
        return SummedTerms(num_pixels * log_abs_det, lambda: log_abs_det / channels)
