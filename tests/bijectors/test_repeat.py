"""`Repeat`: equal to its layers in sequence, not re-entrant, and what it rejects."""

import threading

import numpy as np
import pytest
import tensorflow as tf

from support.small_flows import SHAPE, draw, small_glow, small_real_nvp
from tfwolf.bijectors.actnorm import ActNorm
from tfwolf.bijectors.batch_norm import BatchNormFlow
from tfwolf.bijectors.reordered import Reordered
from tfwolf.bijectors.repeat import Repeat
from tfwolf.core.untracked import Untracked
from tfwolf.core.variables import count_parameters, named_variables

FLOWS = {
    'glow': small_glow,
    'realnvp': small_real_nvp,
    'batch norm': lambda: BatchNormFlow(4, dtype=tf.float64),
}


def test_repeat_equals_its_layers_in_sequence():
    layers = []

    def make(seed):
        layers.append(ActNorm(3, seed=seed, dtype=tf.float64))
        return layers[-1]

    repeat = Repeat(make, 4, seed=5)
    assert sorted(path for path, _ in named_variables(repeat)) == [
        ('weights', 'bias'),
        ('weights', 'log_scale'),
    ]
    assert count_parameters(repeat) == 24 and len(np.unique(repeat.weights['log_scale'])) == 12
    x = tf.constant(np.random.default_rng(0).standard_normal((2, 4, 4, 3)))
    expected = x * tf.exp(tf.reduce_sum(repeat.weights['log_scale'], axis=0))
    np.testing.assert_allclose(repeat.forward(x), expected, atol=1e-12)


def test_layers_may_differ_in_fixed_weights():
    """Each layer has an order of its own; the orders are one stacked weight."""
    orders = [np.random.default_rng(k).permutation(12).reshape(2, 2, 3) for k in range(3)]

    def make(seed, order):
        return Reordered(order, ActNorm(3, seed=seed, dtype=tf.float64))

    repeat = Repeat(make, 3, differences=orders)
    assert repeat.weights['order'].shape == (3, 2, 2, 3)
    assert not repeat.weights['order'].trainable
    x = tf.constant(np.random.default_rng(0).standard_normal((2, 2, 2, 3)))
    expected = x
    for index, order in enumerate(orders):
        layer = Reordered(order, ActNorm(3, dtype=tf.float64))
        layer.inner.log_scale.assign(repeat.weights['inner.log_scale'][index])
        expected = layer.forward(expected)
    np.testing.assert_allclose(repeat.forward(x), expected, atol=1e-12)
    with pytest.raises(ValueError, match='one entry per layer, 4; got 3'):
        Repeat(make, 4, differences=orders)


@pytest.mark.parametrize(
    'name, message',
    [
        ('batch norm', 'normalizes over the batch'),
        ('realnvp', 'normalizes over the batch'),
        ('glow', 'contains a `Repeat`'),
    ],
)
def test_layers_that_cannot_be_repeated_are_rejected(name, message):
    with pytest.raises(ValueError, match=message):
        Repeat(lambda seed: FLOWS[name](), 1)


class CallingActNorm(ActNorm):
    """An actnorm that calls `CallingActNorm.enter.value`, if set, before it runs."""

    enter = Untracked(None)

    def _forward_terms(self, x, condition, training):
        if self.enter.value is not None:
            self.enter.value()
        return super()._forward_terms(x, condition, training)


@pytest.fixture
def callback():
    yield CallingActNorm.enter
    CallingActNorm.enter.value = None


@pytest.mark.parametrize('repeats', [1, 3])
def test_a_repeat_cannot_be_called_from_inside_itself(repeats, callback):
    flow = Repeat(lambda seed: CallingActNorm(4, seed=seed, dtype=tf.float64), repeats)
    x = draw(2, *SHAPE)
    before = flow.forward_and_log_det(x)[0]
    callback.value = lambda: flow.forward_and_log_det(x)
    with pytest.raises(RuntimeError, match='in use.*from inside its own layers'):
        flow.forward_and_log_det(x)
    callback.value = None
    with pytest.raises(RuntimeError, match='in use'):
        flow.walk(lambda name, layer, x: flow.inverse_and_log_det(x)[0], x)
    np.testing.assert_array_equal(flow.forward_and_log_det(x)[0], before)


def test_a_repeat_cannot_be_called_from_two_threads(callback):
    flow = Repeat(lambda seed: CallingActNorm(4, seed=seed, dtype=tf.float64), 1)
    x = draw(2, *SHAPE)
    before = flow.forward_and_log_det(x)[0]
    inside, leave, results = threading.Event(), threading.Event(), []

    def wait():
        inside.set()
        assert leave.wait(60)

    callback.value = wait
    thread = threading.Thread(target=lambda: results.append(flow.forward_and_log_det(x)[0]))
    thread.start()
    assert inside.wait(60)
    callback.value = None
    try:
        with pytest.raises(RuntimeError, match='two threads'):
            flow.forward_and_log_det(x)
    finally:
        leave.set()
        thread.join()
    np.testing.assert_array_equal(results[0], before)
    np.testing.assert_array_equal(flow.forward_and_log_det(x)[0], before)


def test_weights_are_released_after_an_error(callback):
    flow = Repeat(lambda seed: CallingActNorm(4, seed=seed, dtype=tf.float64), 2)
    x = draw(2, *SHAPE)
    before = flow.forward_and_log_det(x)[0]

    def fail():
        raise KeyError('a layer that fails')

    callback.value = fail
    with pytest.raises(KeyError, match='a layer that fails'):
        flow.forward_and_log_det(x)
    assert not hasattr(flow.parts[0], 'log_scale')
    callback.value = None
    np.testing.assert_array_equal(flow.forward_and_log_det(x)[0], before)
