"""Encode, decode and sample any number of images in batches; all analyses are built on this."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfwolf.analysis.image_code import AnyCode, Code, ConditionalCode
from tfwolf.bijectors.base import FlowBijector
from tfwolf.core import validate
from tfwolf.core.image_noise import image_seeds
from tfwolf.core.progress import progress_bar
from tfwolf.models.generation import Array, check_temperature, sample_code
from tfwolf.models.values import Values
from tfwolf.models.wolf import Wolf
from tfwolf.nets.condition import Condition


class Decoded(NamedTuple):
    """Images, and whether each of them is finite.

    Attributes:
        images: `[num_images, height, width, channels]` of the model's type; NaN of integers becomes
            black.
        finite: bool `[num_images]`, whether all values were finite before the conversion.
    """

    images: np.ndarray
    finite: np.ndarray


def decode_and_check(
    flow: FlowBijector, condition: Condition | None, v: Array, values: Values
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the images of v and whether each is finite, the tensors of `Decoded`.

    Args:
        flow: the flow of the model.
        condition: of the flow, as from `flow_condition` of the model.
        v: `[batch, height, width, channels]`.
        values: those of the model.
    """
    x = flow.inverse_and_log_det(tf.convert_to_tensor(v), condition)[0]
    finite = tf.reduce_all(tf.math.is_finite(x), axis=[1, 2, 3])
    return values.to_images(x), finite


class Coder:
    """Encodes, decodes and samples with one model in batches of a fixed size.

    Each function is traced once, and an image gets the same pixels regardless of the other images
    in its batch.

    Args:
        model: an initialized `Wolf`.
        batch_size: images per batch; the last batch is padded and the padding is dropped.
        show_progress: whether to show a progress bar for work that takes more than 3 seconds.

    Attributes:
        model: the model.
    """

    def __init__(self, model: Wolf, batch_size: int = 64, show_progress: bool = False) -> None:
        self.model: Wolf = model
        self._batch_size = validate.integer('batch_size', batch_size, minimum=1)
        self._show_progress = show_progress
        self._encode = tf.function(self._code_parts, autograph=False)
        self._decode = tf.function(self._decode_code, autograph=False)
        self._sample = tf.function(self._sample_images, autograph=False)

    def encode(self, images: Array, labels: Array | None = None) -> AnyCode:
        """Return the `Code` of images: the mean of q(z|x) or the z of the labels, and its v.

        Args:
            images: uint8 `[num_images, height, width, channels]`.
            labels: integers `[num_images]`; only used by a model whose z comes from labels.

        Returns:
            `Code`, or `ConditionalCode` for a model with a condition.

        Raises:
            ValueError: if the images have another shape or dtype, or required labels are missing.
        """
        images = np.asarray(images)
        if not self.model.latent.needs_labels:
            labels = None
        v, *others = self._in_batches('Encoding', self._encode, images, labels)
        z = others.pop(0) if self.model.latent.has_z else None
        return ConditionalCode(z, v, *others) if others else Code(z, v)

    def decode(self, z: Array | None, v: Array, condition: Array | None = None) -> Decoded:
        """Return the `Decoded` images of a code.

        Args:
            z: `[num_images, latent_dim]`, or None for a model without z.
            v: `[num_images, height, width, channels]`.
            condition: as in `Wolf.decode`.

        Raises:
            ValueError: if the arguments have different numbers of images, or the condition is
                missing or not expected.
        """
        dtype = self.model.dtype.as_numpy_dtype
        z, v = None if z is None else np.asarray(z, dtype), np.asarray(v, dtype)
        for name, part in (('z', z), ('condition', condition)):
            if part is not None and len(part) != len(v):
                raise ValueError(
                    f'`{name}` and `v` must have the same number of images; got {len(part)} and '
                    f'{len(v)}.'
                )
        images, finite = self._in_batches('Decoding', self._decode, v, z, condition)
        return Decoded(images, finite)

    def sample(
        self,
        num_images: int,
        seed: int = 0,
        temperature_v: float = 1.0,
        temperature_z: float = 1.0,
        labels: int | Array | None = None,
        first: int = 0,
        condition: Array | None = None,
    ) -> Decoded:
        """Return `Decoded` samples of the model, the same as those of `Wolf.sample`.

        Arguments are those of `Wolf.sample`, with one temperature for all images; `labels` may be
        one label for all images.

        Raises:
            ValueError: as `Wolf.sample`, or if there is not one condition for each image.
        """
        seeds = image_seeds(seed, num_images, first).numpy()
        factors = []
        for name, value in (('temperature_v', temperature_v), ('temperature_z', temperature_z)):
            check_temperature(name, value)
            factors.append(tf.constant(value, self.model.dtype))
        if labels is not None:
            labels = np.broadcast_to(labels, num_images)
        if condition is not None and len(condition) != num_images:
            raise ValueError(
                f'`condition` must have one image for each sample, {num_images}; got '
                f'{len(condition)}.'
            )

        def sample(seeds, labels, condition):
            return self._sample(seeds, *factors, labels, condition)

        images, finite = self._in_batches('Sampling', sample, seeds, labels, condition)
        return Decoded(images, finite)

    def _code_parts(self, images: tf.Tensor, labels: tf.Tensor | None) -> list[tf.Tensor]:
        """Return v, z and the condition of images, those that the model has."""
        z, v = self.model.encode(images, labels)
        return [part for part in (v, z, self.model.condition_of(images)) if part is not None]

    def _decode_code(
        self, v: Array, z: Array | None, condition: Array | None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        model = self.model
        return decode_and_check(model.flow, model.flow_condition(z, condition), v, model.values)

    def _sample_images(
        self,
        seeds: tf.Tensor,
        temperature_v: tf.Tensor,
        temperature_z: tf.Tensor,
        labels: tf.Tensor | None,
        condition: tf.Tensor | None,
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
        return self._decode_code(v, z, condition)

    def _in_batches(
        self,
        description: str,
        function: Callable[..., Sequence[tf.Tensor]],
        rows: np.ndarray,
        *more_rows: Array | None,
    ) -> list[np.ndarray]:
        """Return the outputs of `function(rows, *more_rows)`, computed in batches.

        Args:
            description: label of the progress bar.
            function: takes a batch of `rows` and of each of `more_rows`.
            rows: `[num_images, ...]`.
            *more_rows: `[num_images, ...]`, or None, which is passed on.

        Raises:
            ValueError: if there are no rows.
        """
        count = len(rows)
        if not count:
            raise ValueError('There must be at least one image to encode or decode; got none.')
        outputs = []
        with progress_bar(count, 0, description, 'image', self._show_progress, delay=3) as bar:
            for first in range(0, count, self._batch_size):
                chosen = np.minimum(np.arange(first, first + self._batch_size), count - 1)
                batch = [
                    None if part is None else tf.constant(np.asarray(part)[chosen])
                    for part in (rows, *more_rows)
                ]
                num_real = min(self._batch_size, count - first)
                outputs.append([part.numpy()[:num_real] for part in function(*batch)])
                bar.update(num_real)
        return [np.concatenate(parts) for parts in zip(*outputs)]
