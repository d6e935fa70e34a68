"""v and the likelihood of images as in the bound: with noise within the bins, and z ~ q(z|x)."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfwolf.core import seeds, validate
from tfwolf.models.generation import Array
from tfwolf.models.wolf import Wolf


class NoisyPass:
    """The compiled forward pass of a model, with the weights of the moment; traced once.

    Args:
        model: a `Wolf`.
        batch_size: images at once, at least 1.
    """

    def __init__(self, model: Wolf, batch_size: int) -> None:
        self._model = model
        self._batch_size = validate.integer('batch_size', batch_size, minimum=1)

    def __call__(
        self, images: Array, seed: int, labels: Array | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return v, `[num_images, height, width, channels]`, and -log p in nats, `[num_images]`.

        The noise of an image depends on the seed and on its place in the batches.

        Args:
            images: uint8 `[num_images, height, width, channels]`, at least one.
            seed: integer.
            labels: integers `[num_images]`; only used by a model whose z comes from labels.

        Raises:
            ValueError: if there are no images.
        """
        v, nll_nats = self._in_batches(self._of_batch, images, seed, labels)
        return v, nll_nats

    def by_dimension(
        self, images: Array, seed: int, labels: Array | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return `Wolf.log_prob_by_dimension` of images, `[num_images, height, width, channels]`.

        Arguments, second result and errors are those of a call.
        """
        shares, nll_nats = self._in_batches(self._shares_of_batch, images, seed, labels)
        return shares, nll_nats

    def _in_batches(
        self, function: Any, images: Array, seed: int, labels: Array | None
    ) -> list[np.ndarray]:
        """Return the outputs of `function(images, labels, noise_seed)`, computed in batches."""
        count, size = len(images), self._batch_size
        if not count:
            raise ValueError('`images` must have at least one image; got none.')
        base = seeds.tensor_seed(seed, 'calibration')
        numbers = np.full(count, -1) if labels is None else np.asarray(labels)
        parts = []
        for first in range(0, count, size):
            # The last batch is filled up with the last image.
            chosen = np.minimum(np.arange(first, first + size), count - 1)
            found = function(
                tf.constant(np.asarray(images)[chosen]),
                tf.constant(numbers[chosen], tf.int64),
                seeds.fold_in(base, first // size),
            )
            parts.append([part.numpy()[: count - first] for part in found])
        return [np.concatenate(part) for part in zip(*parts)]

    @tf.function(autograph=False)
    def _of_batch(
        self, images: tf.Tensor, labels: tf.Tensor, noise_seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        noise = self._model.draw_noise(self._batch_size, noise_seed)
        inference = self._model.infer(images, noise, labels=labels)
        x, dequantizer_nats = self._model.dequantized(inference, images, noise)
        v, log_det = self._model.flow.forward_and_log_det(x, inference.condition)
        return v, self._model.terms_of(inference, dequantizer_nats, v, log_det).nll_nats

    @tf.function(autograph=False)
    def _shares_of_batch(
        self, images: tf.Tensor, labels: tf.Tensor, noise_seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        noise = self._model.draw_noise(self._batch_size, noise_seed)
        return self._model.log_prob_by_dimension(images, noise, labels)
