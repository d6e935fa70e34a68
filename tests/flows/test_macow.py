"""MaCow: exact inverse, structure, initialization, and compiled layers."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from support.bijector_checks import check_bijector, check_compiled_layers, move_weights
from tfwolf.bijectors.composite import walk_leaves
from tfwolf.bijectors.coupling import Coupling
from tfwolf.bijectors.masked_conv import MaskedConv
from tfwolf.bijectors.masked_inverse import FixedPoint
from tfwolf.bijectors.transforms import Additive, BoundedAffine
from tfwolf.core.variables import count_parameters
from tfwolf.flows.macow import MaCow
from tfwolf.nets.coupling_nets import ConvCouplingNet

SHAPE = (4, 4, 2)
CONDITION_DIM = 3


def macow(dtype=tf.float64, **changes):
    arguments = {
        'image_shape': SHAPE,
        'condition_dim': CONDITION_DIM,
        'num_steps': [1, 1],
        'hidden_channels': [3, 4],
        'transform': BoundedAffine(1.0),
        'dtype': dtype,
    }
    return MaCow(**{**arguments, **changes})


def images(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.slow
@pytest.mark.parametrize(
    'changes, condition',
    [
        ({}, images(2, CONDITION_DIM)),
        pytest.param(
            {'condition_dim': 0, 'condition_channels': 2},
            images(2, *SHAPE[:2], 2),
        ),
        pytest.param(
            {'transform': Additive(), 'kernel_size': (1, 3), 'inverse': FixedPoint(0.0)},
            images(2, CONDITION_DIM),
        ),
    ],
    ids=['vector', 'image', 'additive'],
)
def test_macow_is_a_bijector(changes, condition):
    flow = macow(**changes)
    move_weights(flow, 0.03)
    check_bijector(flow, images(2, *SHAPE), condition)


def test_round_trip_in_float32_with_all_levels():
    flow = macow(
        tf.float32, image_shape=(8, 8, 3), num_steps=[1, [2, 1], 1], hidden_channels=[4] * 3
    )
    move_weights(flow, 0.03)
    x, z = (tf.constant(images(3, *size), tf.float32) for size in ((8, 8, 3), (CONDITION_DIM,)))
    v, log_det = flow.forward_and_log_det(x, z)
    back, inverse_log_det = flow.inverse_and_log_det(v, z)
    np.testing.assert_allclose(back, x, atol=1e-4)
    np.testing.assert_allclose(log_det, -inverse_log_det, rtol=1e-4)
    rows = [(row.level, row.channels, row.num_steps, row.leaving) for row in flow.levels]
    assert rows == [(0, 3, 1, 0), (1, 12, 2, 3), (1, 9, 1, 3), (2, 24, 1, 24)]
    # Per step 16 masked convolutions and 4 couplings; one more coupling where channels leave.
    assert [row.num_couplings for row in flow.levels] == [20, 41, 21, 20]
    assert sum(row.parameters for row in flow.levels) == count_parameters(flow)


def test_initialization_standardizes_every_actnorm():
    flow = macow()
    move_weights(flow)
    x, z = tf.constant(5 + 3 * images(64, *SHAPE)), tf.constant(images(64, CONDITION_DIM))
    v = flow.initialize_and_forward(x, z)
    np.testing.assert_allclose(flow.forward_and_log_det(x, z)[0], v, atol=1e-10)
    kinds = {}

    def visit(path, layer, x):
        y = layer.forward_and_log_det(x, z)[0]
        kinds.setdefault(type(layer).__name__, 0)
        kinds[type(layer).__name__] += 1
        if isinstance(layer, (MaskedConv, Coupling)):
            np.testing.assert_array_equal(y, x)
        if type(layer).__name__ == 'ActNorm':
            np.testing.assert_allclose(tf.reduce_mean(y, [0, 1, 2]), 0, atol=1e-8)
            np.testing.assert_allclose(tf.math.reduce_std(y, [0, 1, 2]), 1, atol=1e-8)
        return y

    walk_leaves(flow, visit, x)
    assert kinds == {'ActNorm': 20, 'InvertibleConv1x1': 2, 'MaskedConv': 32, 'Coupling': 8}


@pytest.mark.slow
def test_layers_compiled_by_xla_are_equal():
    flow = macow(num_steps=[1, [1], 2], hidden_channels=[3, 4, 4])
    move_weights(flow, 0.05)
    x, z = images(3, *SHAPE), images(3, CONDITION_DIM)
    check_compiled_layers(flow, tf.constant(x), tf.constant(z))


def test_half_precision_reaches_the_masked_convolutions():
    net = functools.partial(ConvCouplingNet, compute_dtype='bfloat16')
    flow = macow(tf.float32, net=net, compute_dtype='bfloat16')
    found = set()

    def visit(path, layer, x):
        if hasattr(layer, 'net'):
            found.add(layer.net.compute_dtype)
        return x

    walk_leaves(flow, visit, tf.zeros([1, *SHAPE]))
    assert found == {tf.bfloat16}


def test_invalid_structures_are_rejected():
    with pytest.raises(ValueError, match='`kernel_size` must be'):
        macow(kernel_size=3)
    with pytest.raises(ValueError, match='`breadth` must be odd'):
        macow(kernel_size=(2, 2))
    with pytest.raises(ValueError, match='num_steps'):
        macow(num_steps=[1])
