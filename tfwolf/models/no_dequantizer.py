"""The absence of a dequantizer: continuous values have no bins."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfwolf.core.choices import NO_DEQUANTIZATION
from tfwolf.models.dequantizer import Dequantization, Dequantizer


class NoDequantizer(Dequantizer):
    """No noise, for models of continuous values."""

    noise_meaning: str = 'zeros'

    def __init__(self) -> None:
        super().__init__(name='no_dequantizer')

    @property
    def kind(self) -> str:
        """'none'."""
        return NO_DEQUANTIZATION

    def noise(self, shape: Sequence[int], seed: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
        """Return zeros."""
        return tf.zeros(shape, dtype)

    def noise_per_image(
        self, image_shape: Sequence[int], image_seeds: tf.Tensor, dtype: tf.DType
    ) -> tf.Tensor:
        """Return zeros."""
        return tf.zeros([tf.shape(image_seeds)[0], *image_shape], dtype)

    def draw(
        self, features: tf.Tensor | None, noise: tf.Tensor, training: bool = False
    ) -> Dequantization:
        """Return the zeros, and a log-density of 0."""
        return Dequantization(noise, tf.zeros([tf.shape(noise)[0]], noise.dtype))
