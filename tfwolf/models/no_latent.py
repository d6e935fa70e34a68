"""The absence of a latent z: the flow alone."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfwolf.core.parts import register
from tfwolf.models.latent import Array, Inference, Latent


@register
class NoLatent(Latent):
    """No z: the flow alone, with an exact likelihood (the refined Glow rows of the paper).

    Args:
        image_shape, seed, dtype: not used; all latents have these arguments.
    """

    has_z: bool = False
    dim: int = 0
    noise_dim: int = 0

    def __init__(
        self, image_shape: Sequence[int], seed: int = 0, dtype: tf.DType = tf.float32
    ) -> None:
        super().__init__(name='no_latent')

    def infer(
        self, x: tf.Tensor, noise: tf.Tensor, labels: Array | None = None, training: bool = False
    ) -> Inference:
        """Return an `Inference` without z and with a divergence of zero, `[batch]`."""
        return Inference(None, tf.zeros([tf.shape(x)[0]], x.dtype), None)

    def encode(self, x: tf.Tensor | None, labels: Array | None = None) -> None:
        """Return None: there is no z."""

    def from_noise(self, noise: tf.Tensor) -> None:
        """Return None: there is no z."""

    def initialize(
        self,
        chunks: Sequence[tf.Tensor],
        noise_chunks: Sequence[tf.Tensor],
        label_chunks: Sequence[Array | None],
    ) -> list[None]:
        """Return None for each chunk: there is nothing to initialize."""
        return [None] * len(chunks)
