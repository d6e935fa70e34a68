"""The base class of layers that standardize x with learned moments of a Gaussian."""

from __future__ import annotations

import abc

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.log_det_terms import Terms
from tfwolf.nets.condition import Condition


class Standardization(FlowBijector):
    """y = (x - mean) exp(-log_sigma), with moments from a subclass.

    log|det dy/dx| = -sum log_sigma. If y ~ N(0, I), then x ~ N(mean, sigma).
    """

    @abc.abstractmethod
    def _moments(self, x: tf.Tensor, condition: Condition | None) -> tuple[tf.Tensor, tf.Tensor]:
        """Return mean and log sigma, which broadcast to x's shape; only the shape of x is used."""

    def _forward_terms(
        self, x: tf.Tensor, condition: Condition | None, training: bool
    ) -> tuple[tf.Tensor, Terms]:
        mean, log_sigma = self._moments(x, condition)
        log_scale = -log_sigma
        return (x - mean) * tf.exp(log_scale), log_scale

    def _inverse_terms(self, y: tf.Tensor, condition: Condition | None) -> tuple[tf.Tensor, Terms]:
        mean, log_sigma = self._moments(y, condition)
        return mean + y * tf.exp(log_sigma), log_sigma
