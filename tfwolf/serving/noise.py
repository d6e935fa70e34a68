"""Noise that is a function of each image's own two seeds: the same in any batch, and under any compiler.

TensorFlow's kernels and XLA make other floats of the same random bits, so the floats are made here, of the bits.
"""
import math

import tensorflow as tf

from tfwolf.seeds import ALGORITHM

# As many random bits as leave (k + 1/2) / 2^bits exact in float32.
BITS = 23


def uniform_per_image(shape, seeds, purpose):
    """Returns uniform noise in (0, 1), float32 `[batch, *shape]`, for seeds int64 `[batch, 2]` and the integer `purpose`."""
    return 0.5 + 0.5 * _symmetric(shape, seeds, purpose)


def normal_per_image(shape, seeds, purpose):
    """Returns standard normal noise, float32 `[batch, *shape]`, as `uniform_per_image`; by inversion, so never beyond 5.3."""
    return math.sqrt(2) * tf.math.erfinv(_symmetric(shape, seeds, purpose))


def seeds_of_images(images):
    """Returns seeds, int64 `[batch, 2]`, that depend on the values of each uint8 image `[batch, height, width, channels]`.

    They are the sums of its values with random odd factors, modulo 2^64.
    """
    size = math.prod(images.shape[1:])
    flat = tf.cast(tf.reshape(images, [-1, 1, size]), tf.int64) + 1
    factors = tf.random.stateless_uniform([2, size], seed=[7, 11], minval=None, maxval=None, dtype=tf.int64, alg=ALGORITHM)
    return tf.reduce_sum(flat * tf.bitwise.bitwise_or(factors, tf.constant(1, tf.int64)), axis=-1)


def _symmetric(shape, seeds, purpose):
    """Returns uniform noise in (-1, 1), symmetric around 0."""
    def draw(seed):
        seed = tf.random.experimental.stateless_fold_in(seed, tf.constant(purpose, tf.int64), alg=ALGORITHM)
        return tf.random.stateless_uniform(shape, seed, minval=None, maxval=None, dtype=tf.int32, alg=ALGORITHM)

    bits = tf.map_fn(draw, seeds, fn_output_signature=tf.TensorSpec(shape, tf.int32))
    return (tf.cast(tf.bitwise.right_shift(bits, 32 - BITS), tf.float32) + 0.5) * 2.0 ** (1 - BITS)
