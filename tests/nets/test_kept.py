"""Values that are kept for the gradient of a network."""

import numpy as np
import tensorflow as tf

from tfwolf.nets.kept import elu, keep, recording, replaying

X = tf.constant(np.linspace(-3, 3, 13))


def network(x):
    return keep(3.0 * elu(2.0 * x) ** 2)


def test_outside_of_the_blocks_nothing_changes():
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(X)
        y, expected = network(X), 3.0 * tf.nn.elu(2.0 * X) ** 2
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(tape.gradient(y, X), tape.gradient(expected, X))


def test_a_replay_has_the_gradient_of_the_recorded_run():
    with recording() as values, tf.GradientTape() as tape:
        tape.watch(X)
        y = network(X)
    expected = tape.gradient(y, X)
    assert len(values) == 2
    np.testing.assert_array_equal(values[0], tf.nn.elu(2.0 * X))
    with replaying(values), tf.GradientTape() as tape:
        tape.watch(X)
        again = network(X)
    np.testing.assert_array_equal(again, y)
    np.testing.assert_allclose(tape.gradient(again, X), expected, rtol=1e-14)


def test_a_replay_continues_with_the_kept_values():
    with replaying([tf.constant([2.0, -0.5]), tf.constant([7.0, 8.0])]), tf.GradientTape() as tape:
        x = tf.zeros([2])
        tape.watch(x)
        y = network(x)
    np.testing.assert_array_equal(y, [7.0, 8.0])
    # d/dx 3 elu(2x)^2 = 6 elu elu' 2, with elu' from the kept output: 1 and elu + 1.
    np.testing.assert_allclose(tape.gradient(y, x), [24.0, -3.0])
