"""Transposed convolutions against their definition, and the network of features built on them."""

import numpy as np
import pytest
import tensorflow as tf

from tfwolf.core.variables import as_tensorflow, named_variables
from tfwolf.models.feature_encoder import FeatureEncoder
from tfwolf.nets.transposed_residual import TransposedConv, TransposedResidualBlock


@pytest.mark.parametrize('strides', [1, 2])
@pytest.mark.parametrize('size', [1, 3])
def test_a_transposed_convolution_is_its_definition(size, strides):
    layer = TransposedConv(4, size, strides, seed=1, dtype='float64')
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 2))
    y = layer(tf.constant(x)).numpy()
    kernel = as_tensorflow(layer.kernel).numpy()
    expected = np.zeros((2, 3 * strides, 5 * strides, 4))
    for i, j, a, b in np.ndindex(3, 5, size, size):
        row, column = strides * i - size // 2 + a, strides * j - size // 2 + b
        if 0 <= row < 3 * strides and 0 <= column < 5 * strides:
            expected[:, row, column] += x[:, i, j] @ kernel[a, b].T
    np.testing.assert_allclose(y, expected, atol=1e-12)
    assert np.abs(kernel).max() <= (size**2 * 4) ** -0.5


@pytest.mark.parametrize(
    'channels, strides, has_shortcut', [(6, 1, False), (4, 1, True), (6, 2, True)]
)
def test_a_block_doubles_the_size_with_stride_two(channels, strides, has_shortcut):
    block = TransposedResidualBlock(6, channels, strides)
    assert block(tf.zeros([2, 4, 3, 6])).shape == (2, 4 * strides, 3 * strides, channels)
    assert (block.shortcut is not None) == has_shortcut


def test_features_have_the_size_of_the_image_and_every_weight_matters():
    encoder = FeatureEncoder((8, 12, 3), widths=[5, 7], out_channels=4, dtype=tf.float64)
    x = tf.constant(np.random.default_rng(0).standard_normal((3, 8, 12, 3)))
    variables = [variable for _, variable in named_variables(encoder) if variable.trainable]
    with tf.GradientTape() as tape:
        features = encoder(x, training=True)
        loss = tf.reduce_sum(tf.sin(3 * features))
    assert features.shape == (3, 8, 12, 4)
    for variable, gradient in zip(variables, tape.gradient(loss, variables)):
        assert gradient is not None and np.abs(gradient).max() > 0, variable.path
    # As in the reference, the last block's ELU is the end.
    assert features.numpy().min() > -1


def test_half_precision_stays_near():
    exact = FeatureEncoder((8, 8, 3), widths=[4], out_channels=2, seed=3)
    rounded = FeatureEncoder((8, 8, 3), [4], 2, seed=3, compute_dtype='bfloat16')
    x = tf.constant(np.random.default_rng(0).standard_normal((4, 8, 8, 3)), tf.float32)
    assert rounded(x).dtype == tf.float32
    np.testing.assert_allclose(rounded(x, training=True), exact(x, training=True), atol=0.15)


def test_invalid_sizes_are_rejected():
    with pytest.raises(ValueError, match='multiples of 4 for 2 levels; got 8x6'):
        FeatureEncoder((8, 6, 3), widths=[4, 4], out_channels=2)
    with pytest.raises(ValueError, match='`widths` must be a non-empty list'):
        FeatureEncoder((8, 8, 3), widths=[], out_channels=2)
    with pytest.raises(ValueError, match='`out_channels`'):
        FeatureEncoder((8, 8, 3), widths=[4], out_channels=0)
