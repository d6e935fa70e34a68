"""Encodes, decodes and draws any number of images: what every picture and table of what z and v
hold is made with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfwolf.core import validate
from tfwolf.core.image_noise import image_seeds
from tfwolf.core.progress import progress_bar
from tfwolf.data import preprocess
from tfwolf.models.generation import Array, check_temperature, sample_code
from tfwolf.models.wolf import Wolf


class Code(NamedTuple):
    """z and v of images, as NumPy arrays.

    Attributes:
        z: `[num_images, latent_dim]`, or None for a model without z.
        v: `[num_images, height, width, channels]`.
    """

    z: np.ndarray | None
    v: np.ndarray

    def __getitem__(self, rows: Any) -> Code:
        """Returns the code of some images: `rows` is whatever NumPy selects rows with (a slice,
        positions, a mask).
        """
        if isinstance(rows, int):
            raise TypeError(
                'A Code is indexed by rows of images: code[3:4] or code[[3]], not code[3]. Its '
                'parts are code.z and code.v.'
            )
        return Code(None if self.z is None else self.z[rows], self.v[rows])


class Decoded(NamedTuple):
    """Images, and which of them are real.

    Attributes:
        images: uint8 `[num_images, height, width, channels]`; a value that is not a number has
            become black.
        finite: bool `[num_images]`, whether all values were finite before they became pixels.
    """

    images: np.ndarray
    finite: np.ndarray


class Coder:
    """Encodes, decodes and samples with one model in batches of one size, so that everything is
    traced once and an image gets the same
    pixels whatever else is in its batch.

    Args:
        model: an initialised `Wolf`.
        batch_size: images at a time; the last batch is filled up, and what fills it left out.
        show_progress: whether work of more than some seconds shows a progress bar.

    Attributes:
        model: the model.
    """

    def __init__(self, model: Wolf, batch_size: int = 64, show_progress: bool = False) -> None:
        self.model: Wolf = model
        self._batch_size = validate.integer('batch_size', batch_size, minimum=1)
        self._show_progress = show_progress
        self._encode = tf.function(model.encode, autograph=False)
        self._decode = tf.function(self._images_and_finite, autograph=False)
        self._sample = tf.function(self._sampled, autograph=False)

    def encode(self, images: Array, labels: Array | None = None) -> Code:
        """Returns the `Code` of images: the mean of q(z|x), or the z of the labels, and the v that
        belongs to it.

        Args:
            images: uint8 `[num_images, height, width, channels]`.
            labels: integers `[num_images]`; only a model whose z comes from them needs them.

        Raises:
            ValueError: if the images have another shape or dtype, or labels are needed and missing.
        """
        images = np.asarray(images)
        if not self.model.latent.needs_labels:
            labels = None
        return Code(*self._in_batches('Encoding', self._encode, images, labels))

    def decode(self, z: Array | None, v: Array) -> Decoded:
        """Returns the `Decoded` images of z `[num_images, latent_dim]` (None without a latent) and
        v `[num_images, h, w, c]`.
        """
        dtype = self.model.dtype.as_numpy_dtype
        z, v = (None if part is None else np.asarray(part, dtype) for part in (z, v))
        if z is not None and len(z) != len(v):
            raise ValueError(f'`z` and `v` must be of as many images; got {len(z)} and {len(v)}.')
        return Decoded(*self._in_batches('Decoding', self._decode, v, z))

    def sample(
        self,
        num_images: int,
        seed: int = 0,
        temperature_v: float = 1.0,
        temperature_z: float = 1.0,
        labels: Array | None = None,
        first: int = 0,
    ) -> Decoded:
        """Returns the `Decoded` samples of the model, those of `Wolf.sample`; arguments as there,
        with one temperature for all images.
        """
        seeds = image_seeds(seed, num_images, first).numpy()
        factors = []
        for name, value in (('temperature_v', temperature_v), ('temperature_z', temperature_z)):
            check_temperature(name, value)
            factors.append(tf.constant(value, self.model.dtype))
        if labels is not None:
            labels = np.broadcast_to(labels, num_images)
        return Decoded(
            *self._in_batches(
                'Sampling',
                lambda seeds, labels: self._sample(seeds, *factors, labels),
                seeds,
                labels,
            )
        )

    def _sampled(
        self,
        seeds: tf.Tensor,
        temperature_v: tf.Tensor,
        temperature_z: tf.Tensor,
        labels: tf.Tensor | None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        model = self.model
        z, v = sample_code(
            model.latent,
            model.image_shape,
            model.dtype,
            seeds,
            temperature_v,
            temperature_z,
            labels,
        )
        return self._images_and_finite(v, z)

    def _images_and_finite(self, v: tf.Tensor, z: tf.Tensor | None) -> tuple[tf.Tensor, tf.Tensor]:
        x = self.model.flow.inverse_and_log_det(v, z)[0]
        return preprocess.to_images(x, self.model.num_bits), tf.reduce_all(
            tf.math.is_finite(x), axis=[1, 2, 3]
        )

    def _in_batches(
        self, description: str, function: Callable[..., Any], *arguments: Array | None
    ) -> list[np.ndarray | None]:
        """Returns the outputs of `function` for all rows of the arguments, of which all but the
        first may be None.
        """
        count = len(arguments[0])
        if not count:
            raise ValueError('There must be at least one image to encode or decode; got none.')
        found = []
        with progress_bar(count, 0, description, 'image', self._show_progress, delay=3) as bar:
            for first in range(0, count, self._batch_size):
                rows = np.minimum(np.arange(first, first + self._batch_size), count - 1)
                batch = [
                    None if argument is None else tf.constant(np.asarray(argument)[rows])
                    for argument in arguments
                ]
                num_real = min(self._batch_size, count - first)
                found.append(
                    [None if part is None else part.numpy()[:num_real] for part in function(*batch)]
                )
                bar.update(num_real)
        return [None if parts[0] is None else np.concatenate(parts) for parts in zip(*found)]
