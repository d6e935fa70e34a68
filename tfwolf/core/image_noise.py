"""The noise of images: a function of each image's own two seeds, so the same in any batch, here and
in a served model.

Image i of the seed s has the seeds `(s, i)`. TensorFlow's kernels and XLA make other floats of the
same random bits, so the floats are made here, from the bits. Uniform noise is equal to the bit
under every compiler. Normal noise is equal with and without `tf.function`; XLA's inverse error
function differs from TensorFlow's in the last digits."""

from __future__ import annotations

import math
from collections.abc import Sequence

import tensorflow as tf

from tfwolf.core import validate
from tfwolf.core.seeds import ALGORITHM

# What the noise of an image is for: one integer each, so that no two uses share their noise.
# Exported models have the first two.
V, Z = 0, 1
POSTERIOR, DROPPED, PICTURE = 2, 3, 4
# As many random bits as leave (k + 1/2) / 2^bits exact in float32.
BITS = 23
LARGEST = 2**63 - 1


def image_seeds(
    seed: int | tf.Tensor, num_images: int | tf.Tensor, first: int | tf.Tensor = 0
) -> tf.Tensor:
    """Returns the seeds `(seed, first), (seed, first + 1), ...`, int64 `[num_images, 2]`.

    Args:
        seed: integer, or an integer scalar tensor.
        num_images: how many, at least 1.
        first: number of the first image, at least 0.

    Raises:
        ValueError: if a Python value breaks its rule, the seed does not fit into int64, or a tensor
            is not a scalar.
    """
    for name, value, minimum in (
        ('seed', seed, -LARGEST - 1),
        ('num_images', num_images, 1),
        ('first', first, 0),
    ):
        if not tf.is_tensor(value):
            validate.integer(name, value, minimum)
        elif value.shape.rank != 0 or not value.dtype.is_integer:
            raise ValueError(
                f'`{name}` must be one integer; got {value.dtype.name} {tuple(value.shape)}.'
            )
    if not tf.is_tensor(seed) and seed > LARGEST:
        raise ValueError(f'`seed` must be at most {LARGEST}; got seed={seed}.')
    seed, num_images, first = (tf.cast(value, tf.int64) for value in (seed, num_images, first))
    return tf.stack([tf.fill([num_images], seed), tf.range(first, first + num_images)], axis=1)


def uniform_per_image(
    shape: Sequence[int], seeds: tf.Tensor, purpose: int, dtype: tf.DType = tf.float32
) -> tf.Tensor:
    """Returns uniform noise in (0, 1), `[batch, *shape]`.

    Args:
        shape: of the noise of one image.
        seeds: int64 `[batch, 2]`, two for each image.
        purpose: integer, what the noise is for.
        dtype: floating type; the noise is made in float32 and converted.
    """
    return tf.cast(0.5 + 0.5 * _symmetric(shape, seeds, purpose), dtype)


def normal_per_image(
    shape: Sequence[int], seeds: tf.Tensor, purpose: int, dtype: tf.DType = tf.float32
) -> tf.Tensor:
    """Returns standard normal noise, `[batch, *shape]`; arguments as in `uniform_per_image`. By
    inversion, so never beyond 5.3.
    """
    return tf.cast(math.sqrt(2) * tf.math.erfinv(_symmetric(shape, seeds, purpose)), dtype)


def seeds_of_images(images: tf.Tensor) -> tf.Tensor:
    """Returns seeds, int64 `[batch, 2]`, that depend on the values of each uint8 image `[batch,
    height, width, channels]`.

    They are the sums of its values with random odd factors, modulo 2^64.
    """
    size = math.prod(images.shape[1:])
    flat = tf.cast(tf.reshape(images, [-1, 1, size]), tf.int64) + 1
    factors = tf.random.stateless_uniform(
        [2, size], seed=[7, 11], minval=None, maxval=None, dtype=tf.int64, alg=ALGORITHM
    )
    return tf.reduce_sum(flat * tf.bitwise.bitwise_or(factors, tf.constant(1, tf.int64)), axis=-1)


def _symmetric(shape: Sequence[int], seeds: tf.Tensor, purpose: int) -> tf.Tensor:
    """Returns uniform noise in (-1, 1), symmetric around 0."""

    def draw(seed):
        seed = tf.random.experimental.stateless_fold_in(
            seed, tf.constant(purpose, tf.int64), alg=ALGORITHM
        )
        return tf.random.stateless_uniform(
            shape, seed, minval=None, maxval=None, dtype=tf.int32, alg=ALGORITHM
        )

    bits = tf.map_fn(draw, seeds, fn_output_signature=tf.TensorSpec(shape, tf.int32))
    return (tf.cast(tf.bitwise.right_shift(bits, 32 - BITS), tf.float32) + 0.5) * 2.0 ** (1 - BITS)
