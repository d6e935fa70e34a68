"""Random bits of many seeds at once, against TensorFlow's operations for one seed."""

import numpy as np
import pytest
import tensorflow as tf

from tfwolf.core import philox

LARGE = 2**63 - 1
SEEDS = [[0, 0], [5, 1], [2**31, 2**32 + 7], [-1, 12], [LARGE, -LARGE - 1], [123456789, LARGE]]


def one_by_one(draw):
    return np.stack([draw(tf.constant(seed, tf.int64)).numpy() for seed in SEEDS])


def in_all_ways(function):
    """The results in eager mode, in a graph, and compiled."""
    seeds = tf.constant(SEEDS, tf.int64)
    return [
        function(seeds),
        tf.function(function, autograph=False)(seeds),
        tf.function(function, autograph=False, jit_compile=True)(seeds),
    ]


@pytest.mark.parametrize('shape', [[1], [3], [4], [2, 3, 3], [8, 8, 3], []])
def test_bits_are_those_of_tensorflow(shape):
    expected = one_by_one(
        lambda seed: tf.random.stateless_uniform(
            shape, seed, minval=None, maxval=None, dtype=tf.int32, alg='philox'
        )
    )
    for found in in_all_ways(lambda seeds: philox.random_bits(seeds, shape)):
        assert found.dtype == tf.int32
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize('number', [0, 1, 7, LARGE])
def test_seeds_are_mixed_as_by_tensorflow(number):
    expected = one_by_one(
        lambda seed: tf.random.experimental.stateless_fold_in(
            seed, tf.constant(number, tf.int64), alg='philox'
        )
    )
    for found in in_all_ways(lambda seeds: philox.fold_in(seeds, number)):
        np.testing.assert_array_equal(found, expected)


def test_no_seeds():
    assert philox.random_bits(tf.zeros([0, 2], tf.int64), [5]).shape == (0, 5)
