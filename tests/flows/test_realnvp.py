"""Real NVP: its parts against the paper's formulas in NumPy, and the complete flow."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from support.bijector_checks import check_bijector, move_weights
from support.small_models import random_images, residual_net
from tfwolf.bijectors.batch_norm import BatchNormFlow
from tfwolf.bijectors.checkerboard import Checkerboard
from tfwolf.bijectors.composite import walk_leaves
from tfwolf.bijectors.coupling import Coupling
from tfwolf.bijectors.logit import Logit
from tfwolf.bijectors.transforms import ExpAffine, SigmoidAffine, Whitening
from tfwolf.flows.realnvp import RealNVP
from tfwolf.models.initialization import initialize
from tfwolf.models.label_latents import LabelCondition
from tfwolf.models.no_latent import NoLatent
from tfwolf.models.wolf import Wolf
from tfwolf.nets.residual_coupling_net import ResidualCouplingNet

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.uniform(-0.95, 0.95, (4, 4, 4, 2))


def real_nvp(**changes):
    """Return a tiny flow in float64."""
    arguments = {
        'image_shape': (4, 4, 2),
        'condition_dim': 0,
        'num_scales': 2,
        'hidden_channels': 4,
        'net': residual_net(1),
        'dtype': tf.float64,
    }
    return RealNVP(**{**arguments, **changes})


@pytest.mark.parametrize('swapped', [False, True])
def test_the_checkerboard_is_the_masked_convolution_of_the_paper(swapped):
    """Equation 9: y = b x + (1 - b) (x exp(s(b x)) + t(b x)), b = 1 where row + column is odd."""
    split = Checkerboard(4, 6, 2, swapped)
    net = ResidualCouplingNet(2, 4, 4, num_blocks=1, dtype=tf.float64)
    move_weights(net)
    x = RANDOM.standard_normal((3, 4, 6, 2))
    b = np.zeros((4, 6, 1))
    for row in range(4):
        for column in range(6):
            b[row, column] = ((row + column) % 2 == 1) != swapped
    assert b.sum() == 12
    shift, log_scale = np.split(net(tf.constant(b * x)).numpy(), 2, axis=-1)
    expected = b * x + (1 - b) * (x * np.exp(log_scale) + shift)
    y, log_det = Coupling(split, net, ExpAffine(), dtype=tf.float64).forward_and_log_det(
        tf.constant(x)
    )
    np.testing.assert_allclose(y, expected, rtol=1e-12)
    np.testing.assert_array_equal(np.broadcast_to(b, x.shape) * y, np.broadcast_to(b, x.shape) * x)
    np.testing.assert_allclose(log_det, ((1 - b) * log_scale).sum(axis=(1, 2, 3)), rtol=1e-12)


def test_channel_masks_are_not_redundant_with_the_checkerboard():
    """After the squeeze, each half of the channels contains pixels of both colors (figure 3)."""
    colors = tf.constant(np.indices((4, 4)).sum(axis=0)[None, ..., None] % 2)
    squeezed = tf.nn.space_to_depth(colors, 2).numpy()
    for half in np.split(squeezed, 2, axis=-1):
        assert set(half.reshape(-1)) == {0, 1}


@pytest.mark.parametrize('lag', [False, True])
def test_batch_norm_in_training_is_the_formula(lag):
    """Equations 17, 18 and 20, with batch statistics or lagged statistics."""
    layer = BatchNormFlow(2, momentum=0.8, lag=lag, epsilon=1e-3, dtype=tf.float64)
    layer.running_mean.assign([0.5, -0.5])
    layer.running_variance.assign([2.0, 0.5])
    x = RANDOM.standard_normal((5, 4, 4, 2)) * [3.0, 0.2] + [1.0, 2.0]
    mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    moved_mean, moved_variance = (
        0.8 * np.array([0.5, -0.5]) + 0.2 * mean,
        0.8 * np.array([2.0, 0.5]) + 0.2 * variance,
    )
    if lag:
        mean, variance = moved_mean, moved_variance
    y, log_det = layer.forward_in_training(tf.constant(x))
    np.testing.assert_allclose(y, (x - mean) / np.sqrt(variance + 1e-3), rtol=1e-10)
    np.testing.assert_allclose(
        log_det, np.full(5, -0.5 * 16 * np.log(variance + 1e-3).sum()), rtol=1e-12
    )
    np.testing.assert_allclose(layer.running_mean, moved_mean, rtol=1e-12)
    np.testing.assert_allclose(layer.running_variance, moved_variance, rtol=1e-12)
    check_bijector(layer, x)


def test_log_det_of_batch_norm_is_that_of_the_applied_map():
    layer = BatchNormFlow(2, dtype=tf.float64)
    x = tf.constant(RANDOM.standard_normal((3, 2, 2, 2)))
    y, log_det = layer.forward_in_training(x)
    # With fixed statistics the map is element-wise; two different images give its slope.
    slope = (y[0] - y[1]) / (x[0] - x[1])
    np.testing.assert_allclose(log_det, np.full(3, np.log(np.abs(slope)).sum()), rtol=1e-9)


def test_gradients_of_batch_norm_flow_through_the_statistics_of_the_batch():
    """The mean of a standardized batch does not depend on x.

    A gradient that treats the statistics as constants would not be zero.
    """
    x = tf.constant(RANDOM.standard_normal((3, 2, 2, 2)))
    for lag, zero in ((False, True), (True, False)):
        layer = BatchNormFlow(2, momentum=0.9, lag=lag, dtype=tf.float64)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            y, log_det = layer.forward_in_training(x)
            total, log_det = tf.reduce_sum(y), tf.reduce_sum(log_det)
        assert (np.abs(tape.gradient(total, x)).max() < 1e-10) == zero
        assert np.abs(tape.gradient(log_det, x)).max() > 0


def test_a_batch_that_is_not_finite_does_not_change_the_averages():
    layer = BatchNormFlow(1, dtype=tf.float64)
    layer.forward_in_training(tf.constant([[[[np.inf]]], [[[1.0]]]], tf.float64))
    np.testing.assert_array_equal(layer.running_mean, [0.0])
    np.testing.assert_array_equal(layer.running_variance, [1.0])


def test_logit_is_finite_at_black_and_white_and_exact():
    layer = Logit(0.05, dtype=tf.float64)
    check_bijector(layer, IMAGES)
    x = tf.constant([-1.0, 0.0, 1.0 - 1e-12], tf.float64, [3, 1, 1, 1])
    y, log_det = layer.forward_and_log_det(x)
    np.testing.assert_allclose(
        np.ravel(y), [np.log(0.05 / 0.95), 0, np.log(0.95 / 0.05)], atol=1e-9
    )
    np.testing.assert_allclose(
        log_det, np.log(0.45) - np.log([0.05 * 0.95, 0.25, 0.05 * 0.95]), atol=1e-9
    )
    assert np.all(
        np.isfinite(
            layer.inverse_and_log_det(tf.constant([-800.0, 800.0], tf.float64, [2, 1, 1, 1]))[1]
        )
    )
    with pytest.raises(ValueError, match='alpha'):
        Logit(0.5)


@pytest.mark.parametrize('transform', [ExpAffine(), SigmoidAffine(), Whitening()])
def test_transforms_invert_and_return_their_log_slope(transform):
    x, parameters = (
        tf.constant(RANDOM.standard_normal((2, 3, 3, 2))),
        tf.constant(RANDOM.uniform(-40, 40, (2, 3, 3, 4))),
    )
    y, log_scale = transform.forward(x, parameters)
    back, again = transform.inverse(y, parameters)
    assert np.all(np.isfinite(log_scale))
    np.testing.assert_array_equal(log_scale, again)
    mild = parameters / 40
    y, log_scale = transform.forward(x, mild)
    np.testing.assert_allclose(transform.inverse(y, mild)[0], x, atol=1e-12)
    moved, _ = transform.forward(x + 1e-3, mild)
    np.testing.assert_allclose(np.log((moved - y) / 1e-3), log_scale, atol=1e-9)


@pytest.mark.parametrize(
    'changes',
    [{}, {'num_scales': 1}, {'condition_dim': 3}, {'num_scales': 2, 'image_shape': (4, 8, 1)}],
)
def test_real_nvp_is_a_bijector(changes):
    flow = real_nvp(**changes)
    move_weights(flow)
    x = np.random.default_rng(1).uniform(-0.9, 0.9, (2, *changes.get('image_shape', (4, 4, 2))))
    check_bijector(flow, x, np.eye(3)[:2] if changes.get('condition_dim') else None)
    assert sum(row.num_couplings for row in flow.levels) == (
        4 if changes.get('num_scales') == 1 else 10
    )


def test_the_structure_is_that_of_section_3_6():
    kinds = []
    walk_leaves(
        real_nvp(image_shape=(8, 8, 2)),
        lambda path, layer, x: (
            kinds.append(
                type(layer.split).__name__ if isinstance(layer, Coupling) else type(layer).__name__
            )
            or x
        ),
        tf.zeros([1, 8, 8, 2], tf.float64),
    )
    pair = ['Checkerboard', 'BatchNormFlow'], ['ChannelSplit', 'BatchNormFlow']
    assert kinds == ['Logit', *pair[0] * 3, *pair[1] * 3, *pair[0] * 4]


def test_images_round_trip_exactly_after_initialization():
    images = random_images(32, (8, 8, 3))
    for latent, labels in (
        (NoLatent, None),
        (functools.partial(LabelCondition, num_classes=4), np.arange(32) % 4),
    ):
        flow = functools.partial(RealNVP, num_scales=2, hidden_channels=4, net=residual_net(1))
        model = Wolf((8, 8, 3), 8, flow=flow, latent=latent)
        with pytest.raises(RuntimeError, match='not been initialized'):
            model.encode(images, labels)
        initialize(model, images, seed=0, labels=labels)
        z, v = model.encode(images, labels)
        np.testing.assert_array_equal(model.decode(z, v), images)
        noise = model.draw_noise(32, tf.constant([1, 2]))
        terms = model.terms(images, noise, training=True, labels=labels)
        assert set(terms.auxiliary_nats) == {'weight_scales'} and np.all(
            terms.auxiliary_nats['weight_scales'] > 0
        )
        assert not model.terms(images, noise, labels=labels).auxiliary_nats
        if labels is not None:
            with pytest.raises(ValueError, match='labels'):
                model.encode(images)


@pytest.mark.parametrize(
    'changes, message',
    [
        ({'image_shape': (5, 4, 2)}, 'even'),
        ({'image_shape': (4, 6, 2)}, 'even'),
        ({'num_scales': 0}, 'num_scales'),
        ({'num_scales': 4}, 'even'),
        ({'hidden_channels': 0}, 'hidden_channels'),
        ({'alpha': 0.7}, 'alpha'),
        ({'weight_scale_l2': -1.0}, 'weight_scale_l2'),
    ],
)
def test_bad_structures_are_rejected(changes, message):
    with pytest.raises(ValueError, match=message):
        real_nvp(**changes)
