"""Averages of the weights: their formula, and how much of them is from which update."""

import numpy as np
import pytest
import tensorflow as tf

from tfwolf.training.averages import WeightAverages


def averages_of(values, decay, finite=True):
    """Return the average after each update in which a weight takes these values."""
    weight = tf.Variable(100.0, dtype=tf.float64)
    averages = WeightAverages([weight], decay)
    found = []
    for value in values:
        weight.assign(value)
        averages.update(tf.constant(finite))
        found.append(float(averages.values[0]))
    return np.array(found)


@pytest.mark.parametrize('decay', [0.5, 0.9, 0.999])
def test_they_equal_the_formula(decay):
    values = np.random.default_rng(0).standard_normal(40)
    expected, average = [], 0.0
    for t, value in enumerate(values, 1):
        average += (1.0 if t == 1 else max(1 - decay, 9 / (10 + t))) * (value - average)
        expected.append(average)
    np.testing.assert_allclose(averages_of(values, decay), expected, rtol=1e-12)


def test_the_first_half_of_a_short_run_has_no_influence():
    """So averages need no later start: it weighs about 1 / 2^9, and the first quarter nothing."""
    for last in (200, 500):
        values = np.where(np.arange(last) < last // 2, 1.0, 0.0)
        assert averages_of(values, 0.9999)[-1] < 0.003
        values = np.where(np.arange(last) < last // 4, 1.0, 0.0)
        assert averages_of(values, 0.9999)[-1] < 1e-4


def test_a_skipped_update_changes_nothing():
    assert averages_of([1.0, 2.0], 0.9, finite=False).tolist() == [0, 0]
