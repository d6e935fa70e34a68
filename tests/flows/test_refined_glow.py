"""Refined Glow: exact inverse, initialization, order of channels in v, malformed structures."""

import numpy as np
import pytest
import tensorflow as tf

from support.bijector_checks import check_bijector, move_weights
from support.small_flows import two_level_refined_glow
from tfwolf.bijectors.actnorm import ActNorm
from tfwolf.bijectors.composite import walk_leaves
from tfwolf.bijectors.coupling import Coupling
from tfwolf.bijectors.invertible_conv import InvertibleConv1x1
from tfwolf.bijectors.matrix import PLUMatrix
from tfwolf.bijectors.transforms import Additive

CONDITION_DIM = 3


CHANGES = [
    {},
    {'matrix': PLUMatrix},
    {'transform': Additive()},
    {'condition_dim': 0},
    {'image_shape': (4, 4, 1), 'num_steps': [0, [1, 1], 1]},
    {'image_shape': (4, 4, 3), 'num_steps': [1, [1], 1]},
    # Of 48 channels 9, 9 and 10 leave: a fifth, a fourth and a third of the remaining ones.
    {'image_shape': (4, 4, 12), 'num_steps': [0, [1, 1, 1], 1], 'factors': [5]},
]


@pytest.mark.parametrize(
    'changes, dtype',
    [
        (CHANGES[0], tf.float64),
        (CHANGES[-2], tf.float32),
        *(pytest.param(changes, tf.float64, marks=pytest.mark.slow) for changes in CHANGES[1:]),
        *(
            pytest.param(changes, tf.float32, marks=pytest.mark.slow)
            for changes in (*CHANGES[:-2], CHANGES[-1])
        ),
    ],
)
def test_refined_glow(changes, dtype):
    flow = two_level_refined_glow(dtype, **changes)
    move_weights(flow, 0.05)
    random = np.random.default_rng(0)
    shape = changes.get('image_shape', (4, 8, 2))
    condition = (
        None if changes.get('condition_dim') == 0 else random.standard_normal((2, CONDITION_DIM))
    )
    check_bijector(flow, random.standard_normal((2, *shape)), condition)


def test_initialization_reaches_every_layer_of_a_flow():
    """The output of every actnorm is normalized, also in a `Repeat`; couplings are the identity."""
    flow = two_level_refined_glow(tf.float64)
    move_weights(flow)
    random = np.random.default_rng(0)
    x, z = (
        tf.constant(5 + 3 * random.standard_normal((32, 4, 8, 2))),
        tf.constant(random.standard_normal((32, CONDITION_DIM))),
    )
    v = flow.initialize_and_forward(x, z)
    np.testing.assert_allclose(flow.forward_and_log_det(x, z)[0], v, atol=1e-10)
    kinds = []

    def visit(path, layer, x):
        y = layer.forward_and_log_det(x, z)[0]
        kinds.append(type(layer))
        if isinstance(layer, ActNorm):
            np.testing.assert_allclose(np.mean(y, (0, 1, 2)), 0, atol=1e-9)
            np.testing.assert_allclose(np.std(y, (0, 1, 2)), 1, atol=1e-9)
        if isinstance(layer, Coupling):
            np.testing.assert_allclose(y, x, atol=1e-14)
        return y

    np.testing.assert_allclose(walk_leaves(flow, visit, x), v, atol=1e-9)
    # 6 steps with 2 actnorms and 4 couplings, 2 factor-outs with one of each.
    assert (
        kinds.count(ActNorm) == 14
        and kinds.count(Coupling) == 26
        and kinds.count(InvertibleConv1x1) == 8
    )


def test_factored_out_channels_follow_those_that_stay():
    """The channels of v at a middle level are [stayed, left second, left first].

    A change of the channels that leave first changes only the last quarter.
    """
    flow = two_level_refined_glow(tf.float64, num_steps=[0, [1, 1], 1], condition_dim=0)
    random = np.random.default_rng(0)
    x = tf.constant(random.standard_normal((1, 4, 8, 2)))
    v = tf.nn.space_to_depth(flow.forward(x), 2)
    actnorms = [
        layer
        for layer in flow.submodules
        if isinstance(layer, ActNorm) and layer.log_scale.shape == [2]
    ]
    assert len(actnorms) == 2
    for actnorm in actnorms:
        actnorm.bias.assign_add([1.0, 1.0])
    changed = tf.nn.space_to_depth(flow.forward(x), 2)
    np.testing.assert_allclose(changed[..., 4:] - v[..., 4:], 1, atol=1e-12)
    np.testing.assert_allclose(changed[..., :4], v[..., :4], atol=1e-12)


@pytest.mark.parametrize(
    'arguments, message',
    [
        (dict(image_shape=(6, 8, 3)), 'must be even.*got 3x4'),
        (dict(image_shape=(8, 8, 1)), 'one channel needs a squeeze'),
        (dict(num_steps=[1, 2, 1]), 'num_steps.*must be like'),
        (dict(num_steps=[1, [0, 1], 1]), 'at least 1'),
        (dict(hidden_channels=[4, 4]), 'one entry per level, 3'),
        (dict(image_shape=(8, 8)), 'image_shape'),
        (dict(condition_dim=-1), 'condition_dim'),
    ],
)
def test_malformed_structures_are_rejected(arguments, message):
    with pytest.raises(ValueError, match=message):
        two_level_refined_glow(tf.float32, **arguments)


@pytest.mark.parametrize('levels', [[0], [2], [1, 2], None])
def test_z_enters_the_conditioned_levels_only(levels):
    flow = two_level_refined_glow(tf.float64, conditioned_levels=levels)
    move_weights(flow)
    random = np.random.default_rng(0)
    x = tf.constant(random.standard_normal((1, 4, 8, 2)))
    z = tf.constant(random.standard_normal((1, CONDITION_DIM)))
    depends = {}

    def visit(path, layer, x):
        y = layer.forward_and_log_det(x, z)[0]
        if isinstance(layer, Coupling):
            changed = bool(np.any(y != layer.forward_and_log_det(x, z + 1)[0]))
            depends.setdefault(tuple(x.shape[1:3]), set()).add(changed)
        return y

    walk_leaves(flow, visit, x)
    wanted = range(3) if levels is None else levels
    sizes = [(4, 8), (2, 4), (1, 2)]
    assert depends == {size: {level in wanted} for level, size in enumerate(sizes)}


@pytest.mark.parametrize('levels', [[], [3], [0, 0], 1, [-1]])
def test_unknown_levels_are_rejected(levels):
    with pytest.raises(ValueError, match='`conditioned_levels` must be None or different indices'):
        two_level_refined_glow(tf.float64, conditioned_levels=levels)
