"""Every bijector in float64 and float32: inverse, log-determinant, gradients, and use with TFP."""

import itertools
import math

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from support.bijector_checks import check_bijector, move_weights
from support.small_flows import two_level_refined_glow
from tfwolf.bijectors.actnorm import ActNorm
from tfwolf.bijectors.chain import Chain
from tfwolf.bijectors.channel_split import ChannelSplit
from tfwolf.bijectors.coupling import Coupling
from tfwolf.bijectors.invertible_conv import InvertibleConv1x1
from tfwolf.bijectors.invertible_linear import InvertibleLinear
from tfwolf.bijectors.matrix import FullMatrix, PLUMatrix
from tfwolf.bijectors.multiscale import MultiScaleSplit
from tfwolf.bijectors.reordered import Reordered
from tfwolf.bijectors.repeat import Repeat
from tfwolf.bijectors.squeeze import Squeeze, Squeezed
from tfwolf.bijectors.transforms import Additive, BoundedAffine, ShiftAndScale
from tfwolf.nets.coupling_nets import ConvCouplingNet, DenseCouplingNet

CONDITION_DIM = 3


def conv_coupling(dtype, channels=4, transform=BoundedAffine(1.0), **split):
    split = ChannelSplit(channels, **split)
    net = ConvCouplingNet(
        split.conditioning_channels,
        5,
        split.transformed_channels * transform.outputs_per_channel,
        CONDITION_DIM,
        dtype=dtype,
    )
    return Coupling(split, net, transform, dtype=dtype)


def dense_coupling(dtype, size=5, **split):
    split = ChannelSplit(size, **split)
    net = DenseCouplingNet(
        split.conditioning_channels, 6, 2 * split.transformed_channels, dtype=dtype
    )
    return Coupling(split, net, BoundedAffine(1.0), event_ndims=1, dtype=dtype)


ORDER = np.random.default_rng(3).permutation(2 * 4 * 4).reshape(2, 4, 4)
IMAGES = {
    'actnorm': lambda dtype: ActNorm(4, dtype=dtype),
    'conv1x1 full': lambda dtype: InvertibleConv1x1(4, dtype=dtype),
    'conv1x1 plu': lambda dtype: InvertibleConv1x1(4, dtype=dtype, matrix=PLUMatrix),
    'squeezed': lambda dtype: Squeezed(ActNorm(16, dtype=dtype)),
    'squeezed by 1': lambda dtype: Squeezed(ActNorm(4, dtype=dtype), block=1),
    'reordered': lambda dtype: Reordered(ORDER, conv_coupling(dtype)),
    'shift and scale': lambda dtype: conv_coupling(dtype, transform=ShiftAndScale(0.7)),
    'split': lambda dtype: MultiScaleSplit(ActNorm(2, dtype=dtype), 1, 3, 4),
    'repeat': lambda dtype: Repeat(lambda seed: conv_coupling(dtype), 3),
    'repeat once': lambda dtype: Repeat(lambda seed: ActNorm(4, seed=seed, dtype=dtype), 1),
    'additive': lambda dtype: conv_coupling(dtype, transform=Additive()),
    'alpha half': lambda dtype: conv_coupling(dtype, transform=BoundedAffine(0.5)),
    'factor 4': lambda dtype: conv_coupling(dtype, factor=4),
    'odd channels': lambda dtype: Chain(
        [MultiScaleSplit(conv_coupling(dtype, 3, alternate=True), 0, 3, 4), ActNorm(4, dtype=dtype)]
    ),
}


for _alternate, _up in itertools.product((False, True), repeat=2):
    IMAGES[f'coupling alternate={_alternate} up={_up}'] = (
        lambda dtype, alternate=_alternate, up=_up: conv_coupling(dtype, alternate=alternate, up=up)
    )


VECTORS = {
    'actnorm': lambda dtype: ActNorm(5, event_ndims=1, dtype=dtype),
    'linear full': lambda dtype: InvertibleLinear(5, dtype=dtype),
    'linear plu': lambda dtype: InvertibleLinear(5, dtype=dtype, matrix=PLUMatrix),
    'coupling': lambda dtype: dense_coupling(dtype),
    'chain': lambda dtype: Chain(
        [dense_coupling(dtype, up=False), ActNorm(5, event_ndims=1, dtype=dtype)]
    ),
}


@pytest.fixture(params=[tf.float64, tf.float32], ids=['float64', 'float32'])
def dtype(request):
    return request.param


@pytest.mark.parametrize('name', IMAGES)
def test_image_bijector(name, dtype):
    random = np.random.default_rng(0)
    bijector = IMAGES[name](dtype)
    move_weights(bijector)
    check_bijector(
        bijector, random.standard_normal((2, 2, 4, 4)), random.standard_normal((2, CONDITION_DIM))
    )


@pytest.mark.parametrize('name', VECTORS)
def test_vector_bijector(name, dtype):
    bijector = VECTORS[name](dtype)
    move_weights(bijector)
    check_bijector(bijector, np.random.default_rng(0).standard_normal((3, 5)))


def test_squeeze_is_space_to_depth_with_zero_log_det(dtype):
    x = tf.constant(np.arange(2 * 4 * 2 * 3).reshape(2, 4, 2, 3), dtype)
    y, log_det = Squeeze(dtype).forward_and_log_det(x)
    np.testing.assert_array_equal(y, tf.nn.space_to_depth(x, 2))
    np.testing.assert_array_equal(Squeeze(dtype).inverse(y), x)
    np.testing.assert_array_equal(log_det, [0, 0])
    with pytest.raises(ValueError, match='must be even.*got 3x2'):
        Squeeze(dtype).forward(x[:, :3])


def test_squeezed_works_on_blocks_of_any_size(dtype):
    x = tf.constant(np.arange(6 * 3 * 2.0).reshape(1, 6, 3, 2), dtype)
    layer = ActNorm(18, dtype=dtype)
    layer.log_scale.assign(tf.zeros([18], dtype))
    layer.bias.assign(tf.range(18, dtype=dtype))
    y = Squeezed(layer, block=3).forward(x)
    expected = tf.nn.space_to_depth(x, 3) + layer.bias
    np.testing.assert_array_equal(y, tf.nn.depth_to_space(expected, 3))
    with pytest.raises(ValueError, match='multiples of 4.*got 6x3'):
        Squeezed(layer, block=4).forward(x)


def test_reordered_applies_the_layer_in_its_order(dtype):
    order = np.random.default_rng(0).permutation(16).reshape(2, 2, 4)
    layer = ActNorm(4, dtype=dtype)
    layer.log_scale.assign(tf.zeros([4], dtype))
    layer.bias.assign([1, 10, 100, 1000])
    x = np.arange(32.0).reshape(2, 2, 2, 4)
    expected = x.reshape(2, 16).copy()
    expected[:, order.ravel()] += np.tile([1, 10, 100, 1000], 4)
    y = Reordered(order, layer).forward(tf.constant(x, dtype))
    np.testing.assert_array_equal(y, expected.reshape(x.shape))
    for wrong in (order.ravel(), order - 1, np.zeros_like(order)):
        with pytest.raises(ValueError, match='`order` must be'):
            Reordered(wrong, layer)


def test_a_shift_before_the_scale_gives_the_values_of_the_paper(dtype):
    """y = (x + b) 2 sigmoid(s)."""
    parameters, x = tf.constant([[0.5, 3.0]], dtype), tf.constant([[2.0]], dtype)
    y, log_scale = ShiftAndScale().forward(x, parameters)
    scale = 2 / (1 + math.exp(-3.0))
    np.testing.assert_allclose(y, [[2.5 * scale]], rtol=1e-6)
    np.testing.assert_allclose(log_scale, [[math.log(scale)]], rtol=1e-6)


def test_condition_matters_and_is_checked():
    flow = two_level_refined_glow(tf.float64)
    move_weights(flow)
    random = np.random.default_rng(0)
    x, z = (
        tf.constant(random.standard_normal((2, 4, 8, 2))),
        tf.constant(random.standard_normal((2, CONDITION_DIM))),
    )
    assert np.abs(flow.forward(x, condition=z) - flow.forward(x, condition=z + 1)).max() > 1e-3
    for wrong, message in (
        (None, 'is required'),
        (z[:, :2], r'must be \[batch, 3\]'),
        (z[:1], 'one row per image'),
    ):
        with pytest.raises(ValueError, match=message):
            flow.forward_and_log_det(x, wrong)


def test_inside_tfp():
    """log_prob, sample and compositions with TFP's bijectors agree with the one-pass methods."""
    flow = two_level_refined_glow(tf.float64)
    move_weights(flow)
    random = np.random.default_rng(0)
    x, z = (
        tf.constant(random.standard_normal((2, 4, 8, 2))),
        tf.constant(random.standard_normal((2, CONDITION_DIM))),
    )
    normal = tfp.distributions.Sample(
        tfp.distributions.Normal(np.float64(0), np.float64(1)), [4, 8, 2]
    )
    density = tfp.distributions.TransformedDistribution(normal, tfp.bijectors.Invert(flow))
    v, log_det = flow.forward_and_log_det(x, z)
    np.testing.assert_allclose(
        density.log_prob(x, bijector_kwargs={'condition': z}),
        normal.log_prob(v) + log_det,
        rtol=1e-12,
    )
    sample = density.sample(2, seed=(1, 2), bijector_kwargs={'condition': z})
    assert sample.shape == (2, 4, 8, 2) and np.all(np.isfinite(sample))
    actnorm = ActNorm(2, dtype=tf.float64)
    both = tfp.bijectors.Chain([tfp.bijectors.Scale(np.float64(3)), actnorm])
    np.testing.assert_allclose(
        both.forward_log_det_jacobian(x, event_ndims=3),
        actnorm.forward_and_log_det(x)[1] + 64 * np.log(3),
    )
    np.testing.assert_allclose(both.inverse(both.forward(x)), x, atol=1e-12)


def test_nothing_is_cached():
    """Results follow changes of the weights, and layers with equal arguments are separate."""
    one, two = ActNorm(2, dtype=tf.float64, seed=1), ActNorm(2, dtype=tf.float64, seed=1)
    two.log_scale.assign([1.0, 1.0])
    x = tf.ones([1, 2, 2, 2], tf.float64)
    before = one.forward_log_det_jacobian(x, event_ndims=3)
    assert np.abs(one.forward(x) - two.forward(x)).max() > 0.5
    one.log_scale.assign([2.0, 2.0])
    assert one.forward_log_det_jacobian(x, event_ndims=3) == 16.0 != before
    assert one.inverse(one.forward(x)) is not x


@pytest.mark.parametrize('alpha', [1.0, 0.5, 0.01])
def test_extreme_scales_are_exact(alpha):
    u = tf.constant([[-800.0], [-40.0], [-1.0], [0.0], [1.0], [40.0], [800.0]], tf.float64)
    transform = BoundedAffine(alpha)
    # No shift: next to a scale of e^-39, rounding would lose x.
    parameters = tf.concat([tf.zeros_like(u), u], axis=-1)
    y, log_scale = transform.forward(tf.fill([7, 1], tf.constant(2.0, tf.float64)), parameters)
    assert np.all(np.isfinite(log_scale))
    middle = slice(2, 5)
    np.testing.assert_allclose(
        log_scale[middle], np.log(1 + alpha * np.tanh(u[middle] / 2)), atol=1e-14
    )
    assert abs(float(log_scale[3, 0])) < 1e-15
    if alpha == 1.0:
        np.testing.assert_allclose(log_scale[:2, 0], np.log(2) + u[:2, 0], rtol=1e-14)
    np.testing.assert_allclose(
        transform.inverse(y, parameters)[0][1:6], np.full((5, 1), 2.0), rtol=1e-12
    )


def test_actnorm_initializes_to_zero_mean_and_unit_variance(dtype):
    x = np.random.default_rng(0).standard_normal((64, 4, 4, 3)) * [1e-3, 1.0, 50.0] + [
        0.0,
        5.0,
        -100.0,
    ]
    actnorm = ActNorm(3, dtype=dtype)
    y = actnorm.initialize_and_forward(tf.constant(x, dtype)).numpy()
    np.testing.assert_allclose(y.mean((0, 1, 2)), 0, atol=1e-3 if dtype == tf.float32 else 1e-9)
    np.testing.assert_allclose(y.std((0, 1, 2)), 1, atol=1e-3 if dtype == tf.float32 else 1e-9)


def test_full_matrix_becomes_plu_exactly():
    full, plu = FullMatrix(12, seed=3, dtype=tf.float64), PLUMatrix(12, dtype=tf.float64)
    full.assign(full.weight + 0.3)
    plu.assign(full.weight.numpy())
    x = tf.constant(np.random.default_rng(0).standard_normal((7, 12)))
    np.testing.assert_allclose(plu.multiply(x), full.multiply(x), atol=1e-13)
    np.testing.assert_allclose(plu.solve(x), full.solve(x), atol=1e-12)
    np.testing.assert_allclose(plu.log_abs_det, full.log_abs_det, atol=1e-13)
    with pytest.raises(ValueError, match='must be invertible'):
        plu.assign(np.ones((12, 12)))


@pytest.mark.parametrize(
    'make, message',
    [
        (lambda: ChannelSplit(2, factor=3), 'at least factor=3'),
        (lambda: ChannelSplit(8, factor=4, alternate=True), 'must be 2 for an alternate'),
        (lambda: BoundedAffine(1.5), 'alpha'),
        (lambda: BoundedAffine(0), 'alpha'),
        (lambda: ActNorm(0), 'channels'),
        (lambda: Chain([]), 'at least one layer'),
        (lambda: MultiScaleSplit(ActNorm(2), 2, 2, 4), 'begin'),
        (lambda: Chain([ActNorm(2), ActNorm(2, dtype=tf.float64)]), 'agree in dtype'),
    ],
)
def test_malformed_layers_are_rejected(make, message):
    with pytest.raises(ValueError, match=message):
        make()
