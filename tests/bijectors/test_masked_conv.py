"""Masked convolutions: what a pixel sees, exact sequential and fixed-point inverses."""

import numpy as np
import pytest
import tensorflow as tf

from support.bijector_checks import check_bijector, move_weights
from tfwolf.bijectors.chain import Chain
from tfwolf.bijectors.masked_conv import MaskedConv
from tfwolf.bijectors.masked_inverse import FixedPoint, RowByRow
from tfwolf.bijectors.repeat import Repeat
from tfwolf.bijectors.transforms import Additive, BoundedAffine, SigmoidAffine
from tfwolf.nets.half_plane import ABOVE, BELOW, LEFT, RIGHT, HalfPlane
from tfwolf.nets.half_plane_net import HalfPlaneNet, hidden_width
from tfwolf.nets.kept import recording

WINDOWS = {'above': ABOVE, 'below': BELOW, 'left': LEFT, 'right': RIGHT}
CHANNELS = 2


def masked(
    window,
    dtype=tf.float64,
    transform=BoundedAffine(1.0),
    inverse=RowByRow(),
    seed=0,
    channels=CHANNELS,
    **condition,
):
    outputs = channels * transform.outputs_per_channel
    net = HalfPlaneNet(window, channels, outputs, seed=seed, dtype=dtype, **condition)
    return MaskedConv(net, transform, inverse, dtype=dtype)


def images(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).standard_normal(shape))


@pytest.mark.parametrize('dtype', [tf.float64, tf.float32], ids=['float64', 'float32'])
@pytest.mark.parametrize('name', WINDOWS)
def test_is_a_bijector(name, dtype):
    layer = masked(WINDOWS[name], dtype)
    move_weights(layer, 0.3)
    check_bijector(layer, images(2, 4, 5, CHANNELS).numpy())


@pytest.mark.parametrize(
    'arguments, condition',
    [
        ({'transform': Additive()}, None),
        ({'transform': SigmoidAffine()}, None),
        ({'condition_dim': 3}, images(2, 3, seed=1)),
        ({'condition_channels': 3}, images(2, 3, 4, 3, seed=1)),
        ({'condition_channels': 4}, images(2, 6, 8, 1, seed=1)),
        ({'inverse': FixedPoint(0.0)}, None),
        ({'inverse': FixedPoint(0.0), 'condition_channels': 3}, images(2, 3, 4, 3, seed=1)),
    ],
    ids=['additive', 'sigmoid', 'vector', 'image', 'squeezed image', 'fixed point', 'both'],
)
@pytest.mark.parametrize('window', [BELOW, HalfPlane(1, False, depth=1, breadth=5)])
def test_variants_are_bijectors(window, arguments, condition):
    layer = masked(window, **arguments)
    move_weights(layer, 0.2)
    check_bijector(layer, images(2, 3, 4, CHANNELS), condition)


@pytest.mark.parametrize('inverse', [RowByRow(), FixedPoint()], ids=['row by row', 'fixed point'])
def test_values_inside_the_loop_of_an_inverse_are_not_kept(inverse):
    """A compiled layer returns the values that are kept, but those of a loop cannot leave it."""
    layer = masked(ABOVE, inverse=inverse)

    @tf.function(autograph=False)
    def inverted(y):
        with recording() as values:
            x, log_det = layer.inverse_and_log_det(y)
        return x, log_det, list(values)

    x, _, values = inverted(images(1, 3, 4, CHANNELS))
    assert x.shape == (1, 3, 4, CHANNELS)
    assert values == []


def test_repeats():
    layer = Repeat(
        lambda seed: Chain([masked(window, seed=seed) for window in WINDOWS.values()]), 3
    )
    move_weights(layer, 0.1)
    check_bijector(layer, images(2, 4, 3, CHANNELS))


@pytest.mark.parametrize('name', WINDOWS)
@pytest.mark.parametrize('depth, breadth', [(2, 3), (1, 1), (3, 5)])
def test_a_pixel_sees_its_half_plane_only(name, depth, breadth):
    """Compared with a sum over the positions of the window, written out."""
    window = WINDOWS[name]._replace(depth=depth, breadth=breadth)
    net = HalfPlaneNet(window, 1, 1, dtype=tf.float64)
    move_weights(net)
    kernel, x = net.kernel.numpy(), images(1, 5, 4, 1).numpy()
    side = breadth // 2
    # Offset of the kernel's first row and column from the pixel.
    first = {
        'above': (-depth, -side),
        'below': (1, -side),
        'left': (-side, -depth),
        'right': (-side, 1),
    }[name]
    hidden = np.zeros((5, 4, kernel.shape[-1]))
    for i, j, p, q in np.ndindex(5, 4, *kernel.shape[:2]):
        row, column = i + first[0] + p, j + first[1] + q
        if 0 <= row < 5 and 0 <= column < 4:
            hidden[i, j] += x[0, row, column] @ kernel[p, q]
    expected = tf.nn.elu(hidden) @ net.output_kernel[0, 0] + net.output_bias
    np.testing.assert_allclose(net(tf.constant(x))[0], expected, atol=1e-12)


@pytest.mark.parametrize('name', WINDOWS)
def test_the_fixed_point_is_the_sequential_inverse(name):
    row_by_row = masked(WINDOWS[name])
    move_weights(row_by_row, 0.5)
    y = images(3, 6, 5, CHANNELS)
    fixed_point = MaskedConv(
        row_by_row.net, row_by_row.transform, FixedPoint(0.0), dtype=tf.float64
    )
    for found, wanted in zip(fixed_point.inverse_and_log_det(y), row_by_row.inverse_and_log_det(y)):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize('tolerance', [1e-1, 1e-3, 1e-6])
def test_a_fixed_point_keeps_its_bound(tolerance):
    alpha = 1.0
    layer = masked(ABOVE, transform=BoundedAffine(alpha), inverse=FixedPoint(tolerance))
    move_weights(layer, 0.4)
    y = images(4, 12, 8, CHANNELS)
    x, inverse_log_det = layer.inverse_and_log_det(y)
    reached, log_det = layer.forward_and_log_det(x)
    error = np.abs(reached - y).max()
    assert 0 < error <= (1 + alpha) * tolerance
    # The log-determinant is that of the x returned.
    np.testing.assert_allclose(inverse_log_det, -log_det, atol=1e-12)


def test_a_fixed_point_of_an_image_depends_on_no_other():
    layer = masked(LEFT, inverse=FixedPoint(1e-3))
    move_weights(layer, 0.3)
    y = (
        images(4, 4, 9, CHANNELS)
        * tf.constant([1.0, 1e-6, 10.0, 1.0], tf.float64)[:, tf.newaxis, tf.newaxis, tf.newaxis]
    )
    together = layer.inverse_and_log_det(y)[0]
    for index in range(4):
        alone = layer.inverse_and_log_det(y[index : index + 1])[0]
        np.testing.assert_array_equal(alone[0], together[index])


def test_an_image_that_is_not_finite_does_not_spoil_the_others():
    layer = masked(ABOVE, inverse=FixedPoint(1e-9))
    move_weights(layer, 0.3)
    y = images(2, 6, 4, CHANNELS).numpy()
    expected = layer.inverse_and_log_det(tf.constant(y))[0][1]
    y[0, 0, 0, 0] = np.nan
    found = layer.inverse_and_log_det(tf.constant(y))[0]
    assert np.isnan(found[0]).any()
    np.testing.assert_allclose(found[1], expected, atol=1e-8)


@pytest.mark.parametrize('inverse', [RowByRow(), FixedPoint()])
def test_the_inverse_runs_compiled_and_for_any_batch(inverse):
    layer = masked(RIGHT, tf.float32, inverse=inverse)
    move_weights(layer, 0.2)
    x = tf.cast(images(3, 4, 6, CHANNELS), tf.float32)
    y = layer.forward_and_log_det(x)[0]
    signature = [tf.TensorSpec([None, 4, 6, CHANNELS])]
    of_any_batch = tf.function(layer.inverse_and_log_det, input_signature=signature)
    compiled = tf.function(layer.inverse_and_log_det, jit_compile=True)
    for function in (of_any_batch, compiled):
        np.testing.assert_allclose(function(y)[0], x, atol=1e-5)


def test_initialization_makes_it_the_identity():
    layer = masked(BELOW, condition_dim=3)
    move_weights(layer)
    x, z = images(5, 4, 4, CHANNELS), images(5, 3)
    np.testing.assert_array_equal(layer.initialize_and_forward(x, z), x)
    y, log_det = layer.forward_and_log_det(x, z)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(log_det, np.zeros(5))


def test_widths_are_those_of_the_reference():
    assert [hidden_width(channels) for channels in (3, 96, 97, 192, 400)] == [
        12,
        384,
        194,
        384,
        512,
    ]


def test_invalid_arguments_are_rejected():
    with pytest.raises(ValueError, match='`breadth` must be odd; got breadth=2'):
        HalfPlaneNet(HalfPlane(0, False, 2, 2), 3, 6)
    with pytest.raises(ValueError, match='`depth` must be an integer of at least 1'):
        HalfPlaneNet(HalfPlane(0, False, 0, 3), 3, 6)
    with pytest.raises(ValueError, match='`tolerance`'):
        FixedPoint(-1e-3)
    layer = masked(ABOVE, condition_channels=3)
    with pytest.raises(ValueError, match='`condition` must have an image'):
        layer.forward_and_log_det(images(2, 4, 4, CHANNELS))
    with pytest.raises(ValueError, match='has 3 channels; got shape .2, 4, 4, 5'):
        layer.forward_and_log_det(images(2, 4, 4, CHANNELS), images(2, 4, 4, 5))
