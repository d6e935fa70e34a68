"""Conversion of pixels to numbers and back, for all values and numbers of bits."""

import numpy as np
import pytest
import tensorflow as tf

from tfwolf.data import preprocess

ALL = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)


@pytest.mark.parametrize('num_bits', range(1, 9))
@pytest.mark.parametrize('noise', [0.0, 0.5, 0.999])
def test_bins_survive_the_round_trip(num_bits, noise):
    bins = preprocess.to_bins(ALL, num_bits).numpy()
    np.testing.assert_array_equal(bins, ALL >> (8 - num_bits))
    x = preprocess.to_unit_range(ALL, num_bits, noise, tf.float32)
    assert -1 <= np.min(x) and np.max(x) < 1
    shown = preprocess.to_images(x, num_bits).numpy()
    np.testing.assert_array_equal(preprocess.to_bins(shown, num_bits), bins)
    assert shown.min() == 0 and shown.max() == 255


def test_eight_bits_are_exact_and_special_values_are_safe():
    np.testing.assert_array_equal(
        preprocess.to_images(preprocess.to_unit_range(ALL, 8, 0.5, tf.float64), 8), ALL
    )
    strange = tf.constant([np.nan, np.inf, -np.inf, 5.0, -5.0, 1.0])
    np.testing.assert_array_equal(preprocess.to_images(strange, 5), [0, 255, 0, 255, 0, 255])


@pytest.mark.parametrize('num_bits', [0, 17, True, 2.5, '8'])
def test_num_bits_is_checked(num_bits):
    with pytest.raises(ValueError, match='num_bits'):
        preprocess.to_bins(ALL, num_bits)
