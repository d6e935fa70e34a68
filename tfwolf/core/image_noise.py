"""Noise per image: a function of the image's two seeds, independent of the batch.

The library and exported models draw the same noise. Image i of the seed s has the seeds `(s, i)`.
TensorFlow's kernels and XLA convert the same random bits to different floats, so this module
converts the bits itself. Uniform noise is bit-identical under every compiler. Normal noise is
identical with and without `tf.function`; XLA's inverse error function differs from TensorFlow's in
the last digits.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

import tensorflow as tf

from tfwolf.core import philox, validate
from tfwolf.core.compilation import call_compiled, layers_are_compiled
from tfwolf.core.seeds import ALGORITHM

# Purposes of an image's noise: one integer each, so that no two purposes share their noise.
# Exported models use the first two.
V, Z = 0, 1
POSTERIOR, DROPPED, PICTURE = 2, 3, 4
# The largest number of random bits for which (k + 1/2) / 2^bits is exact in float32.
BITS = 23
LARGEST = 2**63 - 1


def image_seeds(
    seed: int | tf.Tensor, num_images: int | tf.Tensor, first: int | tf.Tensor = 0
) -> tf.Tensor:
    """Return the seeds `(seed, first), (seed, first + 1), ...`, int64 `[num_images, 2]`.

    Args:
        seed: integer, or an integer scalar tensor.
        num_images: number of images, at least 1.
        first: index of the first image, at least 0.

    Raises:
        ValueError: if a Python value is out of range, the seed does not fit into int64, or a tensor
            is not an integer scalar.
    """
    for name, value, minimum in (
        ('seed', seed, -LARGEST - 1),
        ('num_images', num_images, 1),
        ('first', first, 0),
    ):
        if not isinstance(value, (tf.Tensor, tf.Variable)):
            validate.integer(name, value, minimum)
        elif value.shape.rank != 0 or not value.dtype.is_integer:
            raise ValueError(
                f'`{name}` must be an integer scalar; got {value.dtype.name} {tuple(value.shape)}.'
            )
    if not isinstance(seed, (tf.Tensor, tf.Variable)) and seed > LARGEST:
        raise ValueError(f'`seed` must be at most {LARGEST}; got seed={seed}.')
    seed, num_images, first = (tf.cast(value, tf.int64) for value in (seed, num_images, first))
    return tf.stack([tf.fill([num_images], seed), tf.range(first, first + num_images)], axis=1)


def uniform_per_image(
    shape: Sequence[int], seeds: tf.Tensor, purpose: int, dtype: tf.DType = tf.float32
) -> tf.Tensor:
    """Return uniform noise in (0, 1), `[batch, *shape]`.

    Args:
        shape: shape of the noise of one image.
        seeds: int64 `[batch, 2]`, two seeds per image.
        purpose: integer that identifies the use of the noise, such as `V` or `Z`.
        dtype: floating type; the noise is computed in float32 and then cast.
    """
    return tf.cast(0.5 + 0.5 * _symmetric_uniform(shape, seeds, purpose), dtype)


def normal_per_image(
    shape: Sequence[int], seeds: tf.Tensor, purpose: int, dtype: tf.DType = tf.float32
) -> tf.Tensor:
    """Return standard normal noise, `[batch, *shape]`; arguments as in `uniform_per_image`.

    The noise is computed by inverting the distribution function, so it lies within +-5.3.
    """
    uniform = _symmetric_uniform(shape, seeds, purpose)
    return tf.cast(math.sqrt(2) * tf.math.erfinv(uniform), dtype)


def seeds_of_images(images: tf.Tensor) -> tf.Tensor:
    """Return seeds, int64 `[batch, 2]`, that are computed from the values of each image.

    The seeds are sums of the values times random odd factors, modulo 2^64.

    Args:
        images: uint8 `[batch, height, width, channels]`.
    """
    size = math.prod(validate.static_shape('images', images.shape[1:]))
    flat = tf.cast(tf.reshape(images, [-1, 1, size]), tf.int64) + 1
    factors = tf.random.stateless_uniform(
        [2, size],
        tf.constant([7, 11]),
        minval=None,  # pyright: ignore[reportArgumentType]
        maxval=None,
        dtype=tf.int64,
        alg=ALGORITHM,
    )
    return tf.reduce_sum(flat * tf.bitwise.bitwise_or(factors, tf.constant(1, tf.int64)), axis=-1)


def _symmetric_uniform(shape: Sequence[int], seeds: tf.Tensor, purpose: int) -> tf.Tensor:
    """Return uniform noise in (-1, 1), symmetric around 0."""
    # By itself each of the many small operations would be started from Python, or on a GPU.
    if layers_are_compiled():
        bits = call_compiled(_bits_in_a_graph(tuple(shape), purpose, compiled=True), seeds)
    elif tf.executing_eagerly():
        bits = _bits_in_a_graph(tuple(shape), purpose, compiled=False)(seeds)
    else:
        bits = _bits_per_image(shape, seeds, purpose)
    return (tf.cast(tf.bitwise.right_shift(bits, 32 - BITS), tf.float32) + 0.5) * 2.0 ** (1 - BITS)


def _bits_per_image(shape: Sequence[int], seeds: tf.Tensor, purpose: int) -> tf.Tensor:
    """Return integers whose bits are all random, int32 `[batch, *shape]`."""
    return philox.random_bits(philox.fold_in(seeds, purpose), shape)


@functools.cache
def _bits_in_a_graph(
    shape: tuple[int, ...], purpose: int, compiled: bool
) -> Callable[..., tf.Tensor]:
    """Return `_bits_per_image` as a function of the seeds, which XLA compiles if `compiled`."""
    return tf.function(
        functools.partial(_bits_per_image, shape, purpose=purpose),
        autograph=False,
        jit_compile=compiled or None,
        input_signature=None if compiled else [tf.TensorSpec([None, 2], tf.int64)],
    )
