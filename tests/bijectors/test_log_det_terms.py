"""The terms of a log-determinant: their sum, their spread over dimensions, layers without terms."""

import numpy as np
import pytest
import tensorflow as tf

from support.bijector_checks import move_weights
from support.small_flows import SHAPE, draw
from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.chain import Chain
from tfwolf.bijectors.invertible_conv import InvertibleConv1x1
from tfwolf.bijectors.log_det_terms import sum_of_terms


@pytest.mark.parametrize(
    'shape',
    [
        (),
        (1,),
        (4,),
        (3, 1),
        (5, 1, 4),
        (1, 5, 3, 4),
        (2, 1, 1, 4),
        (2, 5, 1, 4),
        (2, 5, 3, 1),
        (1, 1, 1, 1),
        (2, 5, 3, 4),
    ],
)
def test_terms_are_summed_as_if_broadcast_to_y(shape):
    y, terms = draw(2, 5, 3, 4), draw(*shape, seed=1)
    expected = np.sum(np.broadcast_to(terms, y.shape), axis=(1, 2, 3))
    np.testing.assert_allclose(sum_of_terms(terms, y), expected, rtol=1e-12)
    compiled = tf.function(
        sum_of_terms,
        input_signature=[
            tf.TensorSpec(shape, tf.float64),
            tf.TensorSpec([None, 5, 3, 4], tf.float64),
        ],
    )
    np.testing.assert_allclose(compiled(terms, y), expected, rtol=1e-12)


def test_a_convolution_spreads_its_log_determinant_and_computes_it_once():
    layer = InvertibleConv1x1(4, dtype=tf.float64)
    move_weights(layer)
    x = draw(2, *SHAPE)
    each = np.linalg.slogdet(layer.matrix.weight)[1]
    y, contributions = layer.forward_with_contributions(x, x)
    np.testing.assert_allclose(contributions, x + each / 4, rtol=1e-12)
    np.testing.assert_allclose(layer.forward_and_log_det(x)[1], [16 * each] * 2, rtol=1e-12)
    graph = tf.function(layer.forward_and_log_det, autograph=False).get_concrete_function(x).graph
    assert [operation.type for operation in graph.get_operations()].count('Qr') == 1


def test_a_layer_may_define_only_its_total_log_determinant():
    class Doubled(FlowBijector):
        def __init__(self):
            super().__init__(event_ndims=3, dtype=tf.float64, name='doubled')

        def forward_and_log_det(self, x, condition=None):
            return 2 * x, tf.fill([x.shape[0]], tf.constant(64 * np.log(2)))

        def inverse_and_log_det(self, y, condition=None):
            return y / 2, tf.fill([y.shape[0]], tf.constant(-64 * np.log(2)))

    x = draw(3, *SHAPE)
    for flow in (Doubled(), Chain([Doubled()])):
        for forward in (flow.forward_and_log_det, flow.forward_in_training):
            y, log_det = forward(x)
            np.testing.assert_array_equal(log_det, [64 * np.log(2)] * 3)
        np.testing.assert_allclose(
            flow.forward_with_contributions(x, tf.zeros_like(x))[1],
            np.full(x.shape, np.log(2)),
            rtol=1e-12,
        )
        np.testing.assert_array_equal(flow.inverse(flow.forward(x)), x)
        np.testing.assert_allclose(
            flow.backpropagate(y, (tf.ones_like(y), log_det), [])[1], np.full(x.shape, 2.0)
        )

    class Nothing(FlowBijector):
        def __init__(self):
            super().__init__(event_ndims=3, dtype=tf.float64, name='nothing')

    for call in (
        Nothing().forward_and_log_det,
        Nothing().forward_in_training,
        Nothing().inverse_and_log_det,
    ):
        with pytest.raises(NotImplementedError, match='Nothing must define'):
            call(x)
