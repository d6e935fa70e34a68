"""Batch norm, convolution, weight norm and encoder against independent computations."""

import numpy as np
import pytest
import tensorflow as tf

from tfwolf.core.variables import named_variables, trainable_variables
from tfwolf.models.encoder import Encoder
from tfwolf.nets.batch_norm import EPSILON, MOMENTUM, BatchNorm
from tfwolf.nets.residual import Conv
from tfwolf.nets.weight_norm import weight_norm


def test_batch_norm_normalizes_by_the_biased_and_averages_the_unbiased_variance():
    x = np.random.default_rng(0).normal(3, 2, (4, 2, 3, 5))
    layer = BatchNorm(dtype='float64')
    y = layer(tf.constant(x), training=True).numpy()
    np.testing.assert_allclose(
        y, (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + EPSILON), rtol=0, atol=1e-12
    )
    np.testing.assert_allclose(layer.running_mean, MOMENTUM * x.mean((0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(
        layer.running_variance, 1 - MOMENTUM + MOMENTUM * x.var((0, 1, 2), ddof=1), rtol=1e-12
    )
    before = layer.running_mean.numpy()
    mean, variance = layer.running_mean.numpy(), layer.running_variance.numpy()
    np.testing.assert_allclose(
        layer(tf.constant(x), training=False),
        (x - mean) / np.sqrt(variance + EPSILON),
        rtol=0,
        atol=1e-12,
    )
    np.testing.assert_array_equal(layer.running_mean, before)


def test_batch_norm_ignores_statistics_that_are_not_finite():
    layer = BatchNorm()
    layer(tf.fill([2, 2, 2, 3], np.nan), training=True)
    np.testing.assert_array_equal(layer.running_mean, np.zeros(3))
    np.testing.assert_array_equal(layer.running_variance, np.ones(3))


@pytest.mark.parametrize('size', [7, 8])
def test_a_convolution_of_stride_2_is_centered_on_every_second_pixel(size):
    x = np.random.default_rng(1).normal(size=(1, size, size, 1))
    layer = Conv(1, 3, strides=2, dtype='float64')
    y = layer(tf.constant(x)).numpy()[0, :, :, 0]
    kernel, padded = layer.kernel.numpy()[:, :, 0, 0], np.pad(x[0, :, :, 0], 1)
    assert y.shape == ((size + 1) // 2,) * 2
    for row, column in np.ndindex(y.shape):
        assert y[row, column] == pytest.approx(
            (padded[2 * row : 2 * row + 3, 2 * column : 2 * column + 3] * kernel).sum(), abs=1e-12
        )


def test_weight_norm_sets_the_length_of_every_output_channel():
    direction = tf.constant(np.random.default_rng(2).normal(size=(3, 3, 4, 5)))
    length = tf.constant([0.0, 1.0, -2.0, 3.0, 0.5], tf.float64)
    kernel = weight_norm(direction, length).numpy()
    np.testing.assert_allclose(
        np.sqrt((kernel**2).sum((0, 1, 2))), np.abs(length), rtol=1e-12, atol=1e-300
    )


def test_encoder_starts_close_to_the_prior_and_every_variable_learns():
    encoder = Encoder((9, 7, 2), latent_dim=3, widths=[4, 6], out_channels=5, dtype='float64')
    x = tf.constant(np.random.default_rng(3).uniform(-1, 1, (16, 9, 7, 2)))
    encoder.initialize([x])
    posterior = encoder(x, training=True)
    assert posterior.mean.shape == posterior.log_variance.shape == (16, 3)
    np.testing.assert_allclose(np.std(posterior.mean, axis=0), 0.01, rtol=1e-6)
    np.testing.assert_allclose(np.mean(posterior.mean, axis=0), 0, atol=1e-9)
    variables = trainable_variables(encoder)
    with tf.GradientTape() as tape:
        posterior = encoder(x, training=True)
        value = tf.reduce_sum(posterior.mean**3) + tf.reduce_sum(posterior.log_variance**3)
    for (path, _), gradient in zip(
        [item for item in named_variables(encoder) if item[1].trainable],
        tape.gradient(value, [variable.value for variable in variables]),
    ):
        assert gradient is not None and np.abs(gradient).max() > 0, path


@pytest.mark.parametrize(
    'argument, value', [('widths', []), ('widths', [0]), ('out_channels', 0), ('latent_dim', 0)]
)
def test_encoder_names_a_bad_argument(argument, value):
    with pytest.raises(ValueError, match=argument):
        Encoder(
            **{
                'image_shape': (8, 8, 3),
                'latent_dim': 2,
                'widths': [4],
                'out_channels': 4,
                argument: value,
            }
        )
