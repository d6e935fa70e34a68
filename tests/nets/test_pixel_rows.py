"""3x3 convolutions as products of rows, against the plain convolution."""

import numpy as np
import pytest
import tensorflow as tf

from tfwolf.nets.pixel_rows import fold, input_matrix, is_thin, output_matrix, unfold

HEIGHT, WIDTH = 5, 3


def values_and_gradients(function, *arguments):
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        y = function(*arguments)
        loss = tf.reduce_sum(tf.sin(y))
    return [y, *tape.gradient(loss, arguments)]


def plain(x, kernel):
    return tf.nn.conv2d(x, kernel, 1, 'SAME')


def by_windows_of_x(x, kernel):
    return tf.reshape(unfold(x) @ input_matrix(kernel), [-1, HEIGHT, WIDTH, kernel.shape[3]])


def by_windows_of_y(x, kernel):
    rows = tf.reshape(x, [-1, x.shape[-1]])
    return fold(rows @ output_matrix(kernel), HEIGHT, WIDTH, kernel.shape[3])


@pytest.mark.parametrize('function', [by_windows_of_x, by_windows_of_y])
@pytest.mark.parametrize('inputs, outputs', [(2, 20), (6, 54), (3, 40), (20, 2), (5, 7), (1, 1)])
def test_products_of_rows_equal_a_plain_convolution(inputs, outputs, function):
    random = np.random.default_rng(inputs)
    x = tf.constant(random.standard_normal((2, HEIGHT, WIDTH, inputs)))
    kernel = tf.constant(0.2 * random.standard_normal((3, 3, inputs, outputs)))
    expected = values_and_gradients(plain, x, kernel)
    for found, wanted in zip(values_and_gradients(function, x, kernel), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-11)


@pytest.mark.parametrize('channels', [1, 3, 8])
def test_folding_is_the_transpose_of_unfolding(channels):
    random = np.random.default_rng(channels)
    x = tf.constant(random.standard_normal((2, HEIGHT, WIDTH, channels)))
    windows = unfold(x)
    assert windows.shape == (2 * HEIGHT * WIDTH, -(-9 * channels // 8) * 8)
    y = tf.constant(random.standard_normal(windows.shape))
    np.testing.assert_allclose(
        tf.reduce_sum(windows * y),
        tf.reduce_sum(x * fold(y, HEIGHT, WIDTH, channels)),
        rtol=1e-12,
    )


def test_bfloat16_is_summed_in_float32():
    # One and eight numbers that are each too small to change a sum in bfloat16.
    values = np.full([9, 16], 2.0**-9, np.float32)
    values[:, 0] = 1
    image = fold(tf.cast(values, tf.bfloat16), 3, 3, 1)
    assert float(image[0, 1, 1, 0]) == 1 + 2**-6


@pytest.mark.parametrize(
    'inputs, outputs, thin',
    [(6, 512, True), (512, 12, True), (24, 512, True), (24, 4, True), (512, 512, False)],
)
def test_few_channels_on_one_side_are_thin(inputs, outputs, thin):
    assert is_thin(tf.zeros([3, 3, inputs, outputs])) == thin
