"""Gradients of one's own are those of TensorFlow's decorator, and do not keep graphs in memory."""

import gc
import weakref

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.func_graph import FuncGraph

from tfwolf.core.custom_gradient import custom_gradient


def scaled_product(x, y):
    """Two results, and gradients that are not those of the results: three and five times as large;
    none for y of the second result.
    """
    product, total = x * y, tf.reduce_sum(x)

    def gradient(of_product, of_total):
        return [3 * of_product * y + 5 * of_total, 3 * of_product * x]

    return (product, {'total': total}), gradient


def gradients(function, x, y):
    with tf.GradientTape(persistent=True) as second:
        second.watch([x, y])
        with tf.GradientTape() as first:
            first.watch([x, y])
            product, others = function(x, y)
            loss = tf.reduce_sum(product**2) + others['total']
        found = first.gradient(loss, [x, y])
        sums = [tf.reduce_sum(value**2) for value in found]
    return [loss, *found, *(second.gradient(value, source) for value in sums for source in (x, y))]


def traced(function):
    """A function whose graph, and not the tape, is asked for the gradient."""
    return tf.function(function, autograph=False)


def looped(function):
    def run(x, y):
        def body(i, product, total):
            product, others = function(product, y)
            return i + 1, product, total + others['total']

        start = 0, x, tf.zeros([], x.dtype)
        _, product, total = tf.while_loop(lambda i, *_: i < 2, body, start, maximum_iterations=2)
        return product, {'total': total}

    return run


@pytest.mark.parametrize('around', [lambda function: function, traced, looped])
@pytest.mark.parametrize(
    'how',
    [
        lambda run: run,
        lambda run: tf.function(run, autograph=False),
        lambda run: tf.function(run, autograph=False, jit_compile=True),
    ],
    ids=['eager', 'graph', 'compiled'],
)
def test_values_and_gradients_of_both_orders_are_those_of_tensorflows_decorator(around, how):
    x = tf.constant([[1.0, -2.0, 0.5]], tf.float64)
    y = tf.constant([[0.3, 2.0, -1.5]], tf.float64)

    def found_with(decorator):
        function = around(decorator(scaled_product))
        return how(lambda x, y: gradients(function, x, y))(x, y)

    ours, theirs = found_with(custom_gradient), found_with(tf.custom_gradient)
    assert len(ours) == 7
    for found, expected in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_an_argument_may_have_no_gradient():
    @custom_gradient
    def rows(table, places):
        return tf.gather(table, places), lambda upstream: (tf.ones_like(table) * upstream[0], None)

    table, places = tf.constant([1.0, 2.0, 3.0]), tf.constant([1])
    for call in (rows, tf.function(rows), tf.function(lambda *given: tf.function(rows)(*given))):
        with tf.GradientTape() as tape:
            tape.watch(table)
            y = call(table, places) * 2
        np.testing.assert_array_equal(tape.gradient(y, table), [2.0, 2.0, 2.0])


@pytest.mark.parametrize('how', [lambda run: run, tf.function], ids=['eager', 'graph'])
def test_a_variable_whose_gradient_would_be_lost_is_rejected(how):
    variable = tf.Variable(2.0, name='scale')

    @custom_gradient
    def scaled(x):
        return x * variable, lambda upstream: upstream

    with pytest.raises(
        ValueError, match=r"`function` must not read .*scaled, which reads \['scale"
    ):
        how(lambda: scaled(tf.constant(1.0)))()


def test_a_graph_is_released_with_its_last_user():
    graphs = []

    @custom_gradient
    def doubled(x):
        graphs.append(weakref.ref(tf.compat.v1.get_default_graph()))
        return 2 * x, lambda upstream: 2 * upstream

    function = tf.function(lambda x: doubled(x))
    function(tf.constant(1.0))
    assert [type(graph()) for graph in graphs] == [FuncGraph]
    del function
    gc.collect()
    assert graphs[0]() is None
