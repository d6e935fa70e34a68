"""Conditions other than the encoder's z: class labels, and z in the base distribution."""

import functools
import math

import numpy as np
import pytest
import tensorflow as tf

from support.bijector_checks import check_bijector, move_weights
from support.small_models import SHAPE, random_images
from tfwolf.bijectors.transforms import BoundedAffine
from tfwolf.core import seeds
from tfwolf.core.variables import as_tensorflow, trainable_variables
from tfwolf.flows.conditional_base import ConditionalAffine, ConditionalBase
from tfwolf.flows.refined_glow import RefinedGlow
from tfwolf.models.initialization import initialize
from tfwolf.models.label_latents import ClassLatent
from tfwolf.models.wolf import Wolf

LABELS = np.arange(12) % 3
FLOW = functools.partial(
    RefinedGlow, num_steps=[1, [2], 1], hidden_channels=[4, 6, 6], transform=BoundedAffine(1.0)
)


def class_model(dtype=tf.float64):
    """Return a small initialized model whose z is a function of one of three labels."""
    model = Wolf(
        SHAPE,
        8,
        flow=FLOW,
        latent=functools.partial(ClassLatent, latent_dim=4, num_classes=3),
        dtype=dtype,
    )
    initialize(model, random_images(12), seed=0, labels=LABELS)
    return model


@pytest.mark.parametrize('dtype', [tf.float64, tf.float32])
def test_conditional_affine_is_a_bijector(dtype):
    layer = ConditionalAffine((2, 2, 3), condition_dim=4, dtype=dtype)
    move_weights(layer)
    random = np.random.default_rng(0)
    check_bijector(layer, random.normal(size=(3, 2, 2, 3)), random.normal(size=(3, 4)))


def test_conditional_affine_starts_as_the_standard_normal_and_is_a_gaussian():
    layer = ConditionalAffine((1, 1, 1), condition_dim=2, dtype=tf.float64)
    x, z = tf.constant([[[[0.3]]]], tf.float64), tf.constant([[1.0, -2.0]], tf.float64)
    y, log_det = layer.forward_and_log_det(x, z)
    assert float(y[0, 0, 0, 0]) == 0.3 and float(log_det[0]) == 0
    layer.kernel.assign([[0.5, 0.1], [0.2, -0.3]])
    mean, sigma = 0.5 - 0.4, math.exp(0.1 + 0.6)
    y, log_det = layer.forward_and_log_det(x, z)
    assert float(y[0, 0, 0, 0]) == pytest.approx((0.3 - mean) / sigma) and float(
        log_det[0]
    ) == pytest.approx(-math.log(sigma))
    with pytest.raises(ValueError, match='condition'):
        layer.forward_and_log_det(x)


def test_a_conditional_base_reads_z_only_in_the_base():
    flow = ConditionalBase(SHAPE, condition_dim=3, flow=FLOW, dtype=tf.float64)
    x, z = (
        np.random.default_rng(1).normal(size=(2, *SHAPE)),
        np.random.default_rng(2).normal(size=(2, 3)),
    )
    np.testing.assert_array_equal(
        flow.layers[0].forward_and_log_det(x, None)[0], flow.layers[0].forward_and_log_det(x, z)[0]
    )
    move_weights(flow, 0.05)
    y, log_det = flow.forward_and_log_det(tf.constant(x), tf.constant(z))
    back, inverse_log_det = flow.inverse_and_log_det(y, tf.constant(z))
    np.testing.assert_allclose(back, x, atol=1e-10)
    np.testing.assert_allclose(log_det, -inverse_log_det, atol=1e-9)
    assert flow.levels == flow.layers[0].levels
    with pytest.raises(ValueError, match='condition_dim'):
        ConditionalBase(SHAPE, condition_dim=0, flow=FLOW)


def test_labels_cost_their_entropy_and_all_weights_have_gradients():
    model = class_model()
    move_weights(model, 0.05)
    images = random_images(12)
    noise = model.draw_noise(12, seeds.tensor_seed(0, 'n'))
    with tf.GradientTape() as tape:
        terms = model.terms(images, noise, training=True, labels=LABELS)
        loss = tf.reduce_mean(terms.nll_nats)
    np.testing.assert_allclose(terms.kl_nats, math.log(3), rtol=1e-12)
    assert (
        np.abs(terms.nll_nats - model.terms(images, noise, labels=(LABELS + 1) % 3).nll_nats).min()
        > 1e-6
    )
    variables = [as_tensorflow(variable) for variable in trainable_variables(model)]
    for variable, gradient in zip(variables, tape.gradient(loss, variables)):
        assert gradient is not None and np.abs(tf.convert_to_tensor(gradient)).max() > 0, (
            variable.name
        )
    np.testing.assert_array_equal(model.decode(*model.encode(images, LABELS)), images)
    assert model.sample(5, seed=1).shape == (5, *SHAPE)
    with pytest.raises(ValueError, match='labels'):
        model.encode(images)


def test_labels_are_drawn_uniformly_at_any_temperature():
    latent = class_model().latent
    noise = seeds.normal([3000, latent.noise_dim], seeds.tensor_seed(0, 'labels'), tf.float64)
    z = latent.from_noise(noise)
    np.testing.assert_array_equal(z, latent.from_noise(0.1 * noise))
    counts = [
        int((np.abs(z - row).max(axis=1) < 1e-12).sum())
        for row in latent.encode(None, tf.range(3)).numpy()
    ]
    assert sum(counts) == 3000 and min(counts) > 900
