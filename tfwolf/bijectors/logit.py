"""The logit of pixel values, from an interval to the real line (Real NVP, section 4.1)."""

from __future__ import annotations

import math

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.log_det_terms import Terms
from tfwolf.core import validate
from tfwolf.nets.condition import Condition


class Logit(FlowBijector):
    """y = logit(p) with p = alpha + (1 - 2 alpha) (x + 1) / 2, element-wise for x in [-1, 1].

    log|dy/dx| = log((1 - 2 alpha) / 2) - log p - log(1 - p). The paper prints alpha + (1 - alpha)
    x, which is infinite at white. The log-determinant refers to pixels in [-1, 1], so bits per
    dimension are comparable with those of the other flows.

    Args:
        alpha: 0 < alpha < 1/2, the minimum distance of p from 0 and 1.
        dtype: floating type.
    """

    def __init__(
        self, alpha: float = 0.05, dtype: tf.DType = tf.float32, name: str = 'logit'
    ) -> None:
        super().__init__(event_ndims=3, dtype=dtype, name=name)
        self.alpha = validate.real('alpha', alpha, above=0, below=0.5)

    def _forward_terms(
        self, x: tf.Tensor, condition: Condition | None, training: bool
    ) -> tuple[tf.Tensor, Terms]:
        p = self.alpha + (1.0 - 2.0 * self.alpha) * 0.5 * (x + 1.0)
        log_p, log_q = tf.math.log(p), tf.math.log1p(-p)
        return log_p - log_q, self._constant() - log_p - log_q

    def _inverse_terms(self, y: tf.Tensor, condition: Condition | None) -> tuple[tf.Tensor, Terms]:
        x = 2.0 * (tf.sigmoid(y) - self.alpha) / (1.0 - 2.0 * self.alpha) - 1.0
        # log p + log(1 - p) is computed from y, which is accurate for x outside [-1, 1] too.
        log_slope = self._constant() + tf.math.softplus(y) + tf.math.softplus(-y)
        return x, -log_slope

    def _constant(self) -> float:
        return math.log(0.5 - self.alpha)
