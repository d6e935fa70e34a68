"""Example inputs of signatures, made from samples of the model, so that no data are needed."""

from __future__ import annotations

import io

import numpy as np
import tensorflow as tf
from PIL import Image

from tfwolf.core.image_noise import PICTURE, image_seeds, uniform_per_image
from tfwolf.models.wolf import Wolf
from tfwolf.serving.signatures import Signatures

# Below 1, samples stay away from the ends of the color range, where an untrained flow may not be
# finite.
TEMPERATURE = 0.7


def example_inputs(
    model: Wolf, signatures: Signatures, count: int, seed: int
) -> dict[str, dict[str, np.ndarray]]:
    """Return `{signature: {input: array}}` with `count` rows each; bytes as an array of objects.

    Args:
        model: the `Wolf`.
        signatures: its `Signatures`.
        count: number of images.
        seed: integer.
    """
    random = np.random.default_rng(seed)
    images, others = (_images(model, count, seed + shift) for shift in range(2))
    labels = random.integers(0, model.latent.num_classes or 1, [2, count])
    places = np.tile(np.array([0, 0.3, 1], np.float32), [count, 1])
    values = {
        'images': images,
        'images_a': images,
        'images_b': others,
        'labels': labels[0],
        'labels_a': labels[0],
        'labels_b': labels[1],
        'image_bytes': np.array([png(image) for image in images], np.object_)
        if images.shape[-1] in (1, 3)
        else None,
        'seeds': random.integers(0, 2**62, [count, 2]),
        'temperature_v': np.full(count, TEMPERATURE, np.float32),
        'temperature_z': np.full(count, TEMPERATURE, np.float32),
        'alphas': places,
        'betas': places[:, ::-1].copy(),
    }
    code = signatures.all['encode'](
        {name: values[name] for name in signatures.all['encode'].arguments}
    )
    return {
        name: {key: {**values, **code}[key] for key in signature.arguments}
        for name, signature in signatures.all.items()
    }


def png(image: np.ndarray) -> bytes:
    """Return the PNG file, bytes, of a uint8 image `[height, width, 1 or 3]`."""
    file = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(file, 'PNG')
    return file.getvalue()


def _images(model: Wolf, count: int, seed: int) -> np.ndarray:
    """Return images that the model reconstructs exactly: its samples, or blurred noise.

    Noise replaces samples that are not finite.
    """
    samples = model.sample(count, seed, TEMPERATURE, TEMPERATURE).numpy()
    height, width, channels = model.image_shape
    coarse = 255 * uniform_per_image([4, 4, channels], image_seeds(seed, count), PICTURE)
    blurred = tf.cast(
        tf.clip_by_value(tf.image.resize(coarse, [height, width], 'bicubic'), 0, 255), tf.uint8
    ).numpy()
    blank = np.ptp(samples, axis=(1, 2, 3), keepdims=True) == 0
    return np.where(blank, blurred, samples)
