"""Random bits of many seeds at once: the generator Philox, with the seeds of TensorFlow.

TensorFlow's random operations take one seed each. A loop over the images of a batch would launch
several small operations for each image, which takes a GPU longer than the model.

Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011, section
3.3 (Philox-4x32-10).
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfwolf.core import validate

ROUNDS = 10
FACTORS = 0xD2511F53, 0xCD9E8D57
KEY_STEPS = 0x9E3779B9, 0xBB67AE85
# The key with which TensorFlow turns a seed into a key and a counter.
SEED_KEY = 0x3EC8F720, 0x02461E29
MASK = 0xFFFFFFFF


def random_bits(seeds: tf.Tensor, shape: Sequence[int]) -> tf.Tensor:
    """Return integers whose bits are all random, int32 `[num_seeds, *shape]`.

    Row i equals `tf.random.stateless_uniform(shape, seeds[i], None, None, tf.int32, 'philox')`.

    Args:
        seeds: int64 `[num_seeds, 2]`.
        shape: static shape of the bits of one seed.
    """
    size = tf.TensorShape(validate.static_shape('shape', tf.TensorShape(shape))).num_elements()
    key, even, odd = _key_and_counter(seeds)
    # The first two words of the counter are the number of a block of four words.
    blocks = tf.range(-(-size // 4), dtype=tf.int64)
    even += tf.stack([blocks, tf.zeros_like(blocks)])[:, tf.newaxis]
    words = tf.stack(_philox(even, odd, key))
    words = tf.reshape(tf.transpose(words, [2, 3, 1, 0]), [-1, 4 * blocks.shape[0]])[:, :size]
    # Words from 2^31 on are negative as int32.
    bits = tf.cast(tf.bitwise.bitwise_xor(words, 2**31) - 2**31, tf.int32)
    return tf.reshape(bits, [-1, *shape])


def fold_in(seeds: tf.Tensor, number: int) -> tf.Tensor:
    """Return seeds that mix an integer into others, int64 `[num_seeds, 2]`.

    Row i equals `tf.random.experimental.stateless_fold_in(seeds[i], number, 'philox')` for a number
    of type int64.

    Args:
        seeds: int64 `[num_seeds, 2]`.
        number: integer.
    """
    key, even, odd = _key_and_counter(seeds)
    even, odd = _philox(even, odd, key)
    first = tf.bitwise.bitwise_or(even[0, :, 0], tf.bitwise.left_shift(odd[0, :, 0], 32))
    return tf.stack([first, tf.fill(tf.shape(first), tf.constant(number, tf.int64))], axis=1)


def _key_and_counter(seeds: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return the key and the even and odd words of the counter of seeds, `[2, num_seeds, 1]`."""
    rows = tf.expand_dims(tf.transpose(seeds), -1)
    low = tf.bitwise.bitwise_and(rows, _word(MASK))
    high = tf.bitwise.bitwise_and(tf.bitwise.right_shift(rows, _word(32)), _word(MASK))
    mixed = tf.stack(_philox(low, high, _column(SEED_KEY)))
    even, odd = tf.unstack(mixed * _column([0, 1]))
    return mixed[:, 0], even, odd


def _philox(even: tf.Tensor, odd: tf.Tensor, key: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the even and the odd ones of four random words.

    Words are int64 with values in [0, 2^32): not all operations have kernels for uint32.

    Args:
        even, odd: words 0 and 2, and words 1 and 3 of the counter, `[2, num_seeds, num_blocks]`.
        key: two words, `[2, num_seeds, 1]`.
    """
    factors, steps = _column(FACTORS), _column(KEY_STEPS)
    # Made once, because they would be most of the operations in a graph.
    mask, half, other = _word(MASK), _word(32), tf.constant([1, 0])
    for _ in range(ROUNDS):
        # The product of each even word goes to the other half. Its shift keeps the sign.
        product = tf.gather(factors * even, other)
        high = tf.bitwise.bitwise_and(tf.bitwise.right_shift(product, half), mask)
        even = tf.bitwise.bitwise_xor(tf.bitwise.bitwise_xor(high, odd), key)
        odd = tf.bitwise.bitwise_and(product, mask)
        key = tf.bitwise.bitwise_and(key + steps, mask)
    return even, odd


def _column(words: Sequence[int]) -> tf.Tensor:
    return tf.constant(words, tf.int64, [2, 1, 1])


def _word(value: int) -> tf.Tensor:
    return tf.constant(value, tf.int64)
