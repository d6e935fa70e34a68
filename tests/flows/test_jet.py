"""Jet: exact inverse, which dimensions condition which, where z enters, and compiled layers."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from support.bijector_checks import check_bijector, check_compiled_layers, move_weights
from tfwolf.bijectors.composite import walk_leaves
from tfwolf.bijectors.coupling import Coupling
from tfwolf.bijectors.matrix import FullMatrix
from tfwolf.bijectors.transforms import BoundedAffine
from tfwolf.core.variables import count_parameters, trainable_variables
from tfwolf.flows.dimension_splits import conditioning_patches, split_order
from tfwolf.flows.jet import Jet
from tfwolf.nets.coupling_nets import ConvCouplingNet
from tfwolf.nets.vision_transformer import VisionTransformer

SHAPE = (4, 4, 2)
CONDITION_DIM = 3


def jet(dtype=tf.float64, **changes):
    arguments = {
        'image_shape': SHAPE,
        'condition_dim': CONDITION_DIM,
        'num_couplings': 6,
        'hidden_channels': 8,
        'patch_size': 2,
        'dtype': dtype,
    }
    return Jet(**{**arguments, **changes})


def images(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize(
    'changes, condition',
    [
        ({'num_couplings': 5}, images(2, CONDITION_DIM)),
        pytest.param(
            {'condition_dim': 0, 'condition_channels': 1},
            images(2, *SHAPE[:2], 1),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {
                'actnorm': True,
                'matrix': FullMatrix,
                'conditioned': (2, 4),
                'net': functools.partial(VisionTransformer, modulates_norms=True, num_heads=2),
            },
            images(2, CONDITION_DIM),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {'net': ConvCouplingNet, 'transform': BoundedAffine(0.5), 'patch_size': 1},
            images(2, CONDITION_DIM),
            marks=pytest.mark.slow,
        ),
    ],
    ids=['vector', 'image', 'options', 'convolutions'],
)
def test_jet_is_a_bijector(changes, condition):
    flow = jet(**changes)
    move_weights(flow)
    check_bijector(flow, images(2, *SHAPE), condition)


def test_round_trip_in_float32_and_bfloat16():
    net = functools.partial(VisionTransformer, compute_dtype='bfloat16', depth=2)
    flow = jet(tf.float32, image_shape=(8, 8, 3), net=net, num_couplings=12)
    move_weights(flow)
    x, z = (tf.constant(images(3, *size), tf.float32) for size in ((8, 8, 3), (CONDITION_DIM,)))
    v, log_det = flow.forward_and_log_det(x, z)
    back, inverse_log_det = flow.inverse_and_log_det(v, z)
    np.testing.assert_allclose(back, x, atol=1e-4)
    np.testing.assert_allclose(log_det, -inverse_log_det, rtol=1e-4, atol=1e-3)


def test_orders_of_the_splits():
    """Four random halves of the channels, then patches; every order is a permutation."""
    shape = (4, 6, 8)
    numbers = np.arange(np.prod(shape)).reshape(shape)
    for index in range(30):
        order = split_order(index, shape, seed=7)
        np.testing.assert_array_equal(np.sort(order, axis=None), np.arange(order.size))
        conditioning, transformed = order[..., :4].ravel(), order[..., 4:].ravel()
        if index % 5 < 4:
            channels = order[0, 0]
            np.testing.assert_array_equal(order, numbers[..., channels])
            assert sorted(channels) == list(range(8)) != list(channels)
        else:
            chosen = conditioning_patches(index // 5, shape[:2])
            assert chosen.sum() == 12
            assert set(conditioning) == set(numbers[chosen].ravel())
            assert set(transformed) == set(numbers[~chosen].ravel())
    assert len({tuple(split_order(index, shape, 7)[0, 0]) for index in range(4)}) == 4
    assert np.any(split_order(0, shape, 7) != split_order(0, shape, 8))


def test_patterns_of_the_patches():
    patterns = [conditioning_patches(cycle, (2, 4)).astype(int).tolist() for cycle in range(6)]
    board, columns, rows = [[1, 0, 1, 0], [0, 1, 0, 1]], [[1, 0, 1, 0]] * 2, [[1] * 4, [0] * 4]
    for number, pattern in enumerate((board, columns, rows)):
        assert patterns[2 * number] == pattern
        assert patterns[2 * number + 1] == [[1 - value for value in row] for row in pattern]
    np.testing.assert_array_equal(conditioning_patches(6, (2, 4)), patterns[0])


def test_a_coupling_transforms_one_half_of_the_dimensions():
    """The other half is kept bit for bit, for channels as well as for patches."""
    flow = jet()
    move_weights(flow, 0.3)
    x, z = tf.constant(images(1, *SHAPE)), tf.constant(images(1, CONDITION_DIM))
    halves = []

    def visit(path, layer, x):
        y = layer.forward_and_log_det(x, z)[0]
        if isinstance(layer, Coupling):
            halves.append(np.mean(y == x))
        return y

    walk_leaves(flow, visit, x)
    assert halves == [0.5] * 6


def test_couplings_start_as_the_identity():
    """A scale of 2 sigmoid(0) and no shift; actnorms then standardize each channel of patches."""
    x, z = tf.constant(images(64, *SHAPE)), tf.constant(images(64, CONDITION_DIM))
    np.testing.assert_array_equal(jet().initialize_and_forward(x, z), x)
    flow = jet(actnorm=True)
    v = flow.initialize_and_forward(2 + 3 * x, z)
    np.testing.assert_allclose(flow.forward_and_log_det(2 + 3 * x, z)[0], v, atol=1e-10)
    patches = tf.nn.space_to_depth(v, 2)
    np.testing.assert_allclose(tf.reduce_mean(patches, [0, 1, 2]), 0, atol=1e-8)
    np.testing.assert_allclose(tf.math.reduce_std(patches, [0, 1, 2]), 1, atol=1e-8)


@pytest.mark.parametrize(
    'conditioned, groups', [(None, [6]), ((0, 2), [2, 4]), ((4, 6), [4, 2]), ((2, 4), [2, 2, 2])]
)
def test_z_enters_the_conditioned_couplings_only(conditioned, groups):
    flow = jet(conditioned=conditioned)
    move_weights(flow)
    assert [level.num_steps for level in flow.levels] == groups
    assert [level.leaving for level in flow.levels] == [0] * (len(groups) - 1) + [8]
    assert sum(level.num_couplings for level in flow.levels) == 6
    assert sum(level.parameters for level in flow.levels) == count_parameters(flow)
    x, z = tf.constant(images(1, *SHAPE)), tf.constant(images(1, CONDITION_DIM))
    depends = []

    def visit(path, layer, x):
        y = layer.forward_and_log_det(x, z)[0]
        depends.append(bool(np.any(y != layer.forward_and_log_det(x, z + 1)[0])))
        return y

    walk_leaves(flow, visit, x)
    first, end = conditioned or (0, 6)
    assert depends == [first <= index < end for index in range(6)]


def test_parameters_of_the_paper():
    net = functools.partial(VisionTransformer, depth=2, num_heads=8)
    flow = Jet((32, 32, 3), 0, num_couplings=32, hidden_channels=256, net=net)
    assert count_parameters(flow) == 51_684_864
    (level,) = flow.levels
    assert (level.height, level.width, level.channels) == (8, 8, 48)
    # Weights of equal couplings are stacked, so that one body is traced.
    assert {variable.shape[0] for variable in trainable_variables(flow)} == {32}


@pytest.mark.slow
def test_layers_compiled_by_xla_are_equal():
    flow = jet(actnorm=True, matrix=FullMatrix, conditioned=(0, 4))
    move_weights(flow)
    x, z = images(3, *SHAPE), images(3, CONDITION_DIM)
    check_compiled_layers(flow, tf.constant(x), tf.constant(z))


@pytest.mark.parametrize(
    'changes, message',
    [
        ({'patch_size': 4}, '`patch_size` must cut the image into an even number of rows'),
        ({'image_shape': (6, 6, 3), 'patch_size': 1}, '`patch_size` must give patches with an'),
        ({'patch_size': 0}, '`patch_size`'),
        ({'num_couplings': 0}, '`num_couplings`'),
        ({'conditioned': (4, 4)}, '`conditioned` must be None or'),
        ({'conditioned': (0, 7)}, 'num_couplings=6; got conditioned='),
        ({'conditioned': 3}, '`conditioned` must be None or'),
    ],
)
def test_invalid_arguments_are_rejected(changes, message):
    with pytest.raises(ValueError, match=message):
        jet(**changes)
