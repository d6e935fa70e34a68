"""Flows that end in a learned Gaussian: the base of those that standardise with moments of their
own.
"""

from __future__ import annotations

import abc

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.log_det_terms import Terms


class Standardization(FlowBijector):
    """y = (x - mean) exp(-log_sigma), with moments that a subclass computes; log|det dy/dx| = -sum
    log_sigma.

    With y ~ N(0, I) this is x ~ N(mean, sigma).
    """

    @abc.abstractmethod
    def _moments(self, x: tf.Tensor, condition: tf.Tensor | None) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns mean and log sigma, which broadcast to x's shape; of x only the shape matters."""

    def _forward_terms(
        self, x: tf.Tensor, condition: tf.Tensor | None, training: bool
    ) -> tuple[tf.Tensor, Terms]:
        mean, log_sigma = self._moments(x, condition)
        log_scale = -log_sigma
        return (x - mean) * tf.exp(log_scale), log_scale

    def _inverse_terms(self, y: tf.Tensor, condition: tf.Tensor | None) -> tuple[tf.Tensor, Terms]:
        mean, log_sigma = self._moments(y, condition)
        return mean + y * tf.exp(log_sigma), log_sigma
