"""Glow: its parts, the variants of figure 3, and the class-dependent prior."""

import functools
import math

import numpy as np
import pytest
import tensorflow as tf

from support.bijector_checks import check_bijector, move_weights
from support.small_models import random_images
from tfwolf.bijectors.invertible_conv import InvertibleConv1x1
from tfwolf.bijectors.matrix import PLUMatrix
from tfwolf.bijectors.permutation import ChannelPermutation, reverse_channels, shuffle_channels
from tfwolf.bijectors.transforms import Additive, SigmoidAffine
from tfwolf.flows.glow import Glow
from tfwolf.flows.top_prior import TopPrior
from tfwolf.models.initialization import initialize
from tfwolf.models.label_latents import LabelCondition
from tfwolf.models.no_latent import NoLatent
from tfwolf.models.wolf import Wolf
from tfwolf.nets.glow_net import GlowCouplingNet

RANDOM = np.random.default_rng(0)
PERMUTATIONS = [
    reverse_channels,
    shuffle_channels,
    InvertibleConv1x1,
    functools.partial(InvertibleConv1x1, matrix=PLUMatrix),
]


def glow(**changes):
    """Return a tiny flow in float64."""
    arguments = {
        'image_shape': (4, 4, 2),
        'condition_dim': 0,
        'num_levels': 2,
        'num_steps': 2,
        'hidden_channels': 4,
        'transform': SigmoidAffine(),
        'permutation': InvertibleConv1x1,
        'dtype': tf.float64,
    }
    return Glow(**{**arguments, **changes})


# Each permutation and each transform once in plain pytest.
@pytest.mark.parametrize(
    'transform, permutation',
    [
        (SigmoidAffine(), InvertibleConv1x1),
        *((Additive(), other) for other in PERMUTATIONS if other != InvertibleConv1x1),
        pytest.param(Additive(), InvertibleConv1x1, marks=pytest.mark.slow),
        *(
            pytest.param(SigmoidAffine(), permutation, marks=pytest.mark.slow)
            for permutation in PERMUTATIONS
            if permutation != InvertibleConv1x1
        ),
    ],
)
def test_glow_is_a_bijector(permutation, transform):
    flow = glow(permutation=permutation, transform=transform)
    move_weights(flow)
    check_bijector(flow, RANDOM.standard_normal((2, 4, 4, 2)))


def test_the_gaussian_of_leaving_channels_is_predicted_from_the_others():
    """The flow's log-density equals a direct computation of log p(leaving | staying)."""
    flow = glow(num_steps=1, num_levels=2)
    move_weights(flow)
    x = tf.constant(RANDOM.standard_normal((3, 4, 4, 2)))
    level = flow.layers[0].inner
    steps, gaussian, rest = level.layers
    h, log_det = steps.forward_and_log_det(tf.nn.space_to_depth(x, 2))
    stay, leave = np.split(h.numpy(), 2, axis=-1)
    mean, log_sigma = np.split(gaussian.net(tf.constant(stay)).numpy(), 2, axis=-1)
    log_p_leave = (
        -0.5 * ((leave - mean) / np.exp(log_sigma)) ** 2 - log_sigma - 0.5 * math.log(2 * math.pi)
    ).sum(axis=(1, 2, 3))
    top, top_log_det = rest.inner.forward_and_log_det(tf.constant(stay))
    log_p_top = (-0.5 * top.numpy() ** 2 - 0.5 * math.log(2 * math.pi)).sum(
        axis=(1, 2, 3)
    ) + top_log_det
    v, total = flow.forward_and_log_det(x)
    log_p = (-0.5 * v.numpy() ** 2 - 0.5 * math.log(2 * math.pi)).sum(axis=(1, 2, 3)) + total
    np.testing.assert_allclose(log_p, log_det + log_p_leave + log_p_top, rtol=1e-12)


def test_permutations():
    x = tf.constant(RANDOM.standard_normal((2, 2, 2, 6)))
    np.testing.assert_array_equal(
        reverse_channels(6, dtype=tf.float64).forward(x), x.numpy()[..., ::-1]
    )
    shuffle = shuffle_channels(6, seed=1, dtype=tf.float64)
    assert sorted(shuffle.order.numpy()) == list(range(6)) != list(shuffle.order.numpy())
    np.testing.assert_array_equal(shuffle.order, shuffle_channels(6, seed=1).order)
    np.testing.assert_array_equal(shuffle.forward(x), x.numpy()[..., shuffle.order.numpy()])
    check_bijector(shuffle, x)
    with pytest.raises(ValueError, match='each of 0'):
        ChannelPermutation([0, 0, 1])


def test_the_coupling_net_standardizes_real_data_and_starts_at_zero():
    net = GlowCouplingNet(3, 8, 6, dtype=tf.float64)
    x = tf.constant(RANDOM.uniform(1, 5, (16, 4, 4, 3)))
    net.initialize(x)
    h = tf.nn.conv2d(x, net.kernel1, 1, 'SAME') * tf.exp(net.log_scale1) + net.bias1
    np.testing.assert_allclose(np.mean(h, axis=(0, 1, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(np.var(h, axis=(0, 1, 2)), 1, atol=1e-10)
    np.testing.assert_array_equal(net(x), np.zeros((16, 4, 4, 6)))


def test_the_top_prior_is_a_gaussian_per_class():
    prior = TopPrior(3, condition_dim=4, dtype=tf.float64)
    move_weights(prior)
    condition = np.eye(4)[[0, 2]]
    x = RANDOM.standard_normal((2, 2, 2, 3))
    check_bijector(prior, x, condition)
    both = np.concatenate([prior.mean, prior.log_sigma]) + condition @ prior.kernel.numpy()
    mean, log_sigma = (part[:, None, None] for part in np.split(both, 2, axis=-1))
    np.testing.assert_allclose(
        prior.forward_and_log_det(tf.constant(x), tf.constant(condition))[0],
        (x - mean) / np.exp(log_sigma),
        rtol=1e-12,
    )
    with pytest.raises(ValueError, match='condition'):
        prior.forward_and_log_det(tf.constant(x))


def test_the_class_is_predicted_before_the_top_prior():
    """The loss is lambda times the cross-entropy, in bits, of a linear map of the averaged top."""
    flow = glow(condition_dim=3, classification_weight=0.01)
    move_weights(flow)
    x, condition = (
        tf.constant(RANDOM.standard_normal((4, 4, 4, 2))),
        tf.constant(np.eye(3)[[0, 1, 2, 1]]),
    )
    v, _ = flow.forward_and_log_det(x, condition)
    level = flow.layers[0].inner
    h = level.layers[0].forward(tf.nn.space_to_depth(x, 2))[..., :4]
    top = level.layers[2].inner.inner.layers[0].forward(tf.nn.space_to_depth(h, 2)).numpy()
    logits = top.mean(axis=(1, 2)) @ flow.classifier_kernel.numpy() + flow.classifier_bias.numpy()
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = -0.01 * np.log2(probabilities[np.arange(4), [0, 1, 2, 1]])
    np.testing.assert_allclose(
        flow.auxiliary_losses(v, condition)['classification'], expected, rtol=1e-9
    )
    with pytest.raises(ValueError, match='class labels'):
        glow(classification_weight=0.01)


def test_images_round_trip_exactly_and_labels_are_required():
    images, labels = random_images(32, (8, 8, 3)), np.arange(32) % 4
    flow = functools.partial(
        Glow,
        num_levels=2,
        num_steps=2,
        hidden_channels=8,
        transform=SigmoidAffine(),
        permutation=InvertibleConv1x1,
    )
    for latent, given in (
        (NoLatent, None),
        (functools.partial(LabelCondition, num_classes=4), labels),
    ):
        model = Wolf((8, 8, 3), 5, flow=flow, latent=latent)
        initialize(model, images, seed=0, labels=given)
        decoded = model.decode(*model.encode(images, given))
        np.testing.assert_array_equal(decoded.numpy() >> 3, images >> 3)
        assert model.sample(3, seed=0).shape == (3, 8, 8, 3)
    with pytest.raises(ValueError, match='labels'):
        model.encode(images)


@pytest.mark.parametrize(
    'changes, message',
    [
        ({'image_shape': (6, 4, 2)}, 'even'),
        ({'num_levels': 0}, 'num_levels'),
        ({'image_shape': (4, 4)}, 'image_shape'),
        ({'num_steps': 0}, 'num_steps'),
    ],
)
def test_bad_structures_are_rejected(changes, message):
    with pytest.raises(ValueError, match=message):
        glow(**changes)
