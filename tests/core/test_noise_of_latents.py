"""Noise, labels and interpolation for the different kinds of latents."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from support.bijector_checks import move_weights
from support.small_models import SHAPE, random_images, small_class_model, small_flow_alone
from tfwolf.bijectors.transforms import BoundedAffine
from tfwolf.core import image_noise
from tfwolf.flows.refined_glow import RefinedGlow
from tfwolf.models.gaussian_latent import GaussianLatent
from tfwolf.models.generation import sample_code
from tfwolf.models.initialization import initialize
from tfwolf.models.label_latents import ClassLatent, LabelCondition
from tfwolf.models.no_latent import NoLatent
from tfwolf.models.wolf import Wolf

SEED = 11


def test_a_model_without_z_interpolates_v_alone():
    model = small_flow_alone('glow')
    initialize(model, random_images(32), 0)
    a, b = random_images(2, seed=8), random_images(2, seed=9)
    grid = model.interpolate(a, b, None, [0, 0.5, 1]).numpy()
    assert grid.shape == (2, 3, *SHAPE) and model.interpolate(a[0], b[0], None, [0, 1]).shape == (
        2,
        *SHAPE,
    )
    np.testing.assert_array_equal(grid[:, 0], a)
    np.testing.assert_array_equal(grid[:, 2], b)
    with pytest.raises(ValueError, match='`alphas` must be None for a model without z; got'):
        model.interpolate(a, b, [0, 1], [0, 1])
    for wrong in (lambda: model.reconstruct(a, seed=0), lambda: model.posterior(a)):
        with pytest.raises(ValueError, match='needs a model with an encoder'):
            wrong()


def test_single_images_take_single_labels():
    model = small_class_model()
    a, b = random_images(2, seed=10)
    grid = model.interpolate(a, b, [0, 1], [0, 1], labels_a=0, labels_b=2).numpy()
    np.testing.assert_array_equal(grid[[0, 1], [0, 1]], [a, b])
    np.testing.assert_array_equal(grid[0, 1], model.switch(a[None], b[None], [0], [2])[0][0])


def test_a_model_in_float64_draws_the_same_noise():
    flow = functools.partial(
        RefinedGlow, num_steps=[1, 1], hidden_channels=[4, 6], transform=BoundedAffine(1.0)
    )
    single, double = (
        Wolf(
            SHAPE,
            8,
            flow=flow,
            latent=functools.partial(ClassLatent, latent_dim=4, num_classes=3),
            dtype=dtype,
        )
        for dtype in (tf.float32, tf.float64)
    )
    for model in (single, double):
        initialize(model, random_images(12), 0, labels=np.arange(12) % 3)
    codes = [
        sample_code(model.latent, SHAPE, model.dtype, image_noise.image_seeds(SEED, 3))
        for model in (single, double)
    ]
    np.testing.assert_array_equal(codes[0][1], codes[1][1])
    np.testing.assert_allclose(codes[0][0], codes[1][0], rtol=1e-5, atol=1e-6)
    assert double.sample(3, SEED).shape == (3, *SHAPE)


def test_latents_declare_their_capabilities():
    declared = {
        latent: (latent.has_z, latent.has_posterior, latent.needs_labels)
        for latent in (GaussianLatent, ClassLatent, LabelCondition, NoLatent)
    }
    assert declared == {
        GaussianLatent: (True, True, False),
        ClassLatent: (True, False, True),
        LabelCondition: (True, False, True),
        NoLatent: (False, False, False),
    }


def test_the_gradient_of_the_class_embedding_is_dense():
    latent = ClassLatent(SHAPE, latent_dim=4, num_classes=5, dtype=tf.float64)
    move_weights(latent, 0.1)
    labels, weights = tf.constant([3, 0, 3, 1]), np.random.default_rng(0).normal(size=(4, 4))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(weights * latent.encode(None, labels))
    gradient = tape.gradient(loss, latent.embedding)
    with tf.GradientTape() as tape:
        h = tf.gather(latent.embedding, labels)
        z = latent._activation(tf.matmul(h, latent.kernel0) + latent.bias0)
        z = (
            tf.matmul(
                latent._activation(tf.matmul(z, latent.kernel1) + latent.bias1), latent.kernel2
            )
            + latent.bias2
        )
        loss = tf.reduce_sum(weights * z)
    sparse = tape.gradient(loss, latent.embedding)
    assert isinstance(gradient, tf.Tensor) and isinstance(sparse, tf.IndexedSlices)
    np.testing.assert_array_equal(latent.encode(None, labels), z)
    np.testing.assert_array_equal(gradient, tf.convert_to_tensor(sparse))
    assert (np.abs(gradient).max(axis=1) > 0).tolist() == [True, True, False, True, False]
    with pytest.raises(tf.errors.InvalidArgumentError):
        latent.encode(None, tf.constant([5]))
