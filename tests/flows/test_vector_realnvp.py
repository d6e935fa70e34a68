"""The flow of vectors, its spline and its network."""

import numpy as np
import pytest
import tensorflow as tf

from support.bijector_checks import check_bijector, move_weights
from tfwolf.bijectors.rational_quadratic import RationalQuadratic
from tfwolf.bijectors.transforms import BoundedAffine
from tfwolf.flows.vector_realnvp import VectorRealNVP

SPLINE, AFFINE = RationalQuadratic(), BoundedAffine(1.0)
CASES = {
    'vector': ((5,), SPLINE, tf.float64),
    'pixel': ((1, 1, 3), SPLINE, tf.float64),
    'float32': ((1, 1, 2), SPLINE, tf.float32),
    'affine': ((1, 1, 3), AFFINE, tf.float32),
}


@pytest.fixture(params=[tf.float64, tf.float32], ids=['float64', 'float32'])
def dtype(request):
    return request.param


@pytest.mark.parametrize('shape, transform, dtype', CASES.values(), ids=CASES)
def test_flow_is_a_bijector(shape, transform, dtype):
    flow = VectorRealNVP(shape, 3, 2, 8, transform, dtype=dtype)
    move_weights(flow)
    random = np.random.default_rng(0)
    check_bijector(flow, random.standard_normal((3, *shape)), random.standard_normal((3, 3)))


def test_actnorms_are_initialized_from_data():
    flow = VectorRealNVP((4,), 0, 3, 8)
    x = 5 + 3 * np.random.default_rng(0).standard_normal((512, 4))
    y = flow.initialize_and_forward(tf.constant(x, tf.float32))
    np.testing.assert_allclose(tf.reduce_mean(y, axis=0), np.zeros(4), atol=1e-5)
    np.testing.assert_allclose(tf.math.reduce_std(y, axis=0), np.ones(4), atol=1e-3)


def test_one_feature_is_refused():
    with pytest.raises(ValueError, match='at least 2 features'):
        VectorRealNVP((1, 1, 1), 0, 1, 8)
    with pytest.raises(ValueError, match=r'must be \(1, 1, features\)'):
        VectorRealNVP((4, 4), 0, 1, 8)


def test_spline_is_the_identity_for_zeros_and_outside(dtype):
    spline = RationalQuadratic(num_bins=5, bound=2.0)
    x = tf.constant(np.linspace(-4, 4, 33)[:, None], dtype)
    zeros = tf.zeros([33, spline.outputs_per_channel], dtype)
    y, log_scale = spline.forward(x, zeros)
    np.testing.assert_allclose(y, x, atol=1e-6)
    np.testing.assert_allclose(log_scale, tf.zeros_like(x), atol=1e-6)
    random = tf.constant(np.random.default_rng(0).normal(0, 3, zeros.shape), dtype)
    outside = np.abs(x[:, 0]) >= 2
    y, log_scale = spline.forward(x, random)
    np.testing.assert_array_equal(y[outside], x[outside])
    np.testing.assert_array_equal(log_scale[outside], 0 * x[outside])


def test_spline_inverts_with_extreme_parameters(dtype):
    """Steep and flat bins: y is inverted to x as far as the slope allows."""
    spline = RationalQuadratic(num_bins=8, bound=3.0)
    random = np.random.default_rng(0)
    x = tf.constant(random.uniform(-3.5, 3.5, (2000, 1)), dtype)
    parameters = tf.constant(random.normal(0, 5, (2000, spline.outputs_per_channel)), dtype)
    y, log_scale = spline.forward(x, parameters)
    back, _ = spline.inverse(y, parameters)
    again, _ = spline.forward(back, parameters)
    assert bool(tf.reduce_all(tf.math.is_finite(log_scale)))
    eps = np.finfo(dtype.as_numpy_dtype).eps
    assert np.max(np.abs(again - y)) < 1e4 * eps
    assert np.max(np.abs(back - x) / (1 + np.exp(-log_scale))) < 1e4 * eps


def test_spline_is_monotone_and_its_slope_is_the_derivative():
    spline = RationalQuadratic(num_bins=4, bound=1.0)
    parameters = np.random.default_rng(3).normal(0, 1, (1, spline.outputs_per_channel))
    x = tf.constant(np.linspace(-1.2, 1.2, 4001)[:, None])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y, log_scale = spline.forward(x, tf.repeat(parameters, 4001, axis=0))
    assert np.all(np.diff(y[:, 0]) > 0)
    np.testing.assert_allclose(tape.gradient(y, x), np.exp(log_scale), rtol=1e-9)


@pytest.mark.parametrize('arguments', [{'num_bins': 1}, {'num_bins': 1000}, {'bound': 0.0}])
def test_invalid_splines_are_refused(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        RationalQuadratic(**arguments)
