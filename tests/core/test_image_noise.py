"""The noise of an image depends only on its seeds, not on the batch or the graph."""

import numpy as np
import pytest
import tensorflow as tf

from support.small_models import SHAPE
from tfwolf.core import image_noise
from tfwolf.core.compilation import compile_layers

SEED, COUNT = 11, 7
# Drawn by models that were exported when the library did not draw this noise yet: v for the seeds
# (5, 0) and (5, 1), shape [2].
GOLDEN_V = [[2.2778425, -1.2090578], [-0.042475194, -0.47653693]]


def test_noise_equals_that_of_earlier_exports():
    np.testing.assert_array_equal(
        image_noise.normal_per_image([2], image_noise.image_seeds(5, 2), image_noise.V),
        np.float32(GOLDEN_V),
    )


def test_noise_is_the_same_in_any_batch_and_graph():
    def draw(seeds):
        return image_noise.uniform_per_image(SHAPE, seeds, 1), image_noise.normal_per_image(
            SHAPE, seeds, 1
        )

    seeds = image_noise.image_seeds(SEED, COUNT)
    np.testing.assert_array_equal(seeds, [[SEED, index] for index in range(COUNT)])
    uniform, normal = (part.numpy() for part in draw(seeds))
    for function in (draw, tf.function(draw, autograph=False)):
        for rows in (slice(0, 3), slice(2, 3), slice(0, 7)):
            for found, expected in zip(function(seeds[rows]), (uniform, normal)):
                np.testing.assert_array_equal(found, expected[rows])
    compiled = tf.function(draw, jit_compile=True, autograph=False)(seeds)
    np.testing.assert_array_equal(compiled[0], uniform)
    # XLA's inverse error function differs.
    np.testing.assert_allclose(compiled[1], normal, rtol=1e-5, atol=1e-6)
    # As on a GPU, where XLA only draws the bits.
    for function in (draw, tf.function(draw, autograph=False)):
        with compile_layers(True):
            for found, expected in zip(function(seeds), (uniform, normal), strict=True):
                np.testing.assert_array_equal(found, expected)
    later = image_noise.image_seeds(tf.constant(SEED), tf.constant(4), first=3)
    np.testing.assert_array_equal(later, seeds[3:])
    double = image_noise.normal_per_image(SHAPE, seeds, 1, tf.float64)
    assert double.dtype == tf.float64
    np.testing.assert_array_equal(double, normal.astype(np.float64))


def test_purposes_and_seeds_do_not_share_noise():
    seeds = image_noise.image_seeds(SEED, 2)
    draws = [image_noise.normal_per_image([3], seeds, purpose) for purpose in range(5)] + [
        image_noise.normal_per_image([3], image_noise.image_seeds(SEED + 1, 2), 0)
    ]
    assert len(np.unique(np.concatenate(draws))) == 6 * 2 * 3


@pytest.mark.parametrize(
    'arguments, message',
    [
        ((1.5, 2), '`seed` must be an integer'),
        ((2**63, 2), '`seed` must be at most'),
        ((0, 0), '`num_images` must be an integer of at least 1'),
        ((0, 2, -1), '`first` must be an integer of at least 0'),
        ((tf.constant([1, 2]), 2), '`seed` must be an integer scalar; got int32 .2,.'),
        ((tf.constant(1.0), 2), '`seed` must be an integer scalar'),
    ],
)
def test_invalid_seeds_are_rejected(arguments, message):
    with pytest.raises(ValueError, match=message):
        image_noise.image_seeds(*arguments)
