"""Layers on integers: exactly invertible with the stack, at the bits of their log-determinant."""

import numpy as np
import pytest
import tensorflow as tf

from support.bijector_checks import move_weights
from support.small_flows import SHAPE, draw, small_glow, small_real_nvp, small_refined_glow
from tfwolf.bijectors.actnorm import ActNorm
from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.batch_norm import BatchNormFlow
from tfwolf.bijectors.chain import Chain
from tfwolf.bijectors.channel_split import ChannelSplit
from tfwolf.bijectors.checkerboard import Checkerboard
from tfwolf.bijectors.coupling import Coupling
from tfwolf.bijectors.invertible_conv import InvertibleConv1x1
from tfwolf.bijectors.invertible_linear import InvertibleLinear
from tfwolf.bijectors.logit import Logit
from tfwolf.bijectors.masked_conv import MaskedConv
from tfwolf.bijectors.matrix import PLUMatrix
from tfwolf.bijectors.permutation import shuffle_channels
from tfwolf.bijectors.rational_quadratic import RationalQuadratic
from tfwolf.bijectors.squeeze import Squeeze
from tfwolf.bijectors.transforms import (
    Additive,
    BoundedAffine,
    ExpAffine,
    ShiftAndScale,
    SigmoidAffine,
    Whitening,
)
from tfwolf.coding.grid import Grid
from tfwolf.coding.integer_flow import check_codable, forward, inverse
from tfwolf.coding.integer_layer import Coder
from tfwolf.coding.matrix import IntegerMatrix
from tfwolf.coding.piecewise import IntegerTable
from tfwolf.coding.scaling import MAX_BITS, divide, multiply, ratio_of
from tfwolf.coding.stack import Stack
from tfwolf.flows.factor_out import RandomHalves
from tfwolf.flows.jet import Jet
from tfwolf.flows.macow import MaCow
from tfwolf.flows.top_prior import TopPrior
from tfwolf.nets.coupling_nets import ConvCouplingNet
from tfwolf.nets.half_plane import ABOVE, BELOW, LEFT, RIGHT
from tfwolf.nets.half_plane_net import HalfPlaneNet

GRID = Grid(16)
# A batch large enough for the mean of many bits.
BATCH = 32


def full_stack():
    """Returns a stack with more random bits than any test here takes."""
    return Stack(np.random.default_rng(0).bytes(4_000_000))


def check(flow, x, condition=None, tolerance=0.004, scale_bits=12):
    """Checks values, exact inverse, and that the stack grows by -log|det| in bits, up to a
    tolerance per dimension.
    """
    stack = full_stack()
    before, content = stack.num_bits, stack.to_bytes()
    integers = GRID.to_integers(x)
    coder = Coder(stack, GRID, scale_bits)
    v = forward(flow, integers, condition, coder)
    expected, log_det = flow.forward_and_log_det(GRID.to_floats(integers, flow.dtype), condition)
    np.testing.assert_allclose(GRID.to_floats(v, tf.float64), expected, atol=0.02)
    bits = -float(tf.reduce_sum(log_det)) / np.log(2)
    assert abs(stack.num_bits - before - bits) < tolerance * x.size + 33
    assert np.array_equal(inverse(flow, v, condition, coder), integers)
    assert stack.to_bytes() == content


def moved(layer, scale=0.3):
    move_weights(layer, scale)
    return layer


def coupling(transform, split=None):
    split = split or ChannelSplit(4)
    net = ConvCouplingNet(
        split.conditioning_channels,
        6,
        split.transformed_channels * transform.outputs_per_channel,
        dtype=tf.float64,
    )
    return moved(Coupling(split, net, transform, dtype=tf.float64))


def batch_norm():
    layer = BatchNormFlow(4, dtype=tf.float64)
    layer.running_mean.assign([0.5, -0.25, 0.0, 1.0])
    layer.running_variance.assign([0.1, 4.0, 1.0, 0.01])
    return layer


def masked_conv(window):
    net = HalfPlaneNet(window, 4, 8, dtype=tf.float64)
    return moved(MaskedConv(net, BoundedAffine(1.0), dtype=tf.float64))


LAYERS = {
    'actnorm': lambda: moved(ActNorm(4, dtype=tf.float64), 1.0),
    'batch norm': batch_norm,
    'top prior': lambda: moved(TopPrior(4, dtype=tf.float64)),
    'conv': lambda: moved(InvertibleConv1x1(4, dtype=tf.float64)),
    'plu conv': lambda: moved(InvertibleConv1x1(4, dtype=tf.float64, matrix=PLUMatrix)),
    'shuffle': lambda: shuffle_channels(4, 3, tf.float64),
    'squeeze': lambda: Squeeze(tf.float64),
    'additive': lambda: coupling(Additive()),
    'affine': lambda: coupling(ExpAffine()),
    'bounded': lambda: coupling(BoundedAffine(1.0)),
    'shift and scale': lambda: coupling(ShiftAndScale()),
    'sigmoid': lambda: coupling(SigmoidAffine()),
    'whitening': lambda: coupling(Whitening(), ChannelSplit(4, alternate=True, up=False)),
    'checkerboard': lambda: coupling(ExpAffine(), Checkerboard(*SHAPE)),
    'swapped': lambda: coupling(ExpAffine(), Checkerboard(*SHAPE, swapped=True)),
    'above': lambda: masked_conv(ABOVE),
    'below': lambda: masked_conv(BELOW),
    'left': lambda: masked_conv(LEFT),
    'right': lambda: masked_conv(RIGHT),
    'logit': lambda: Logit(dtype=tf.float64),
}


@pytest.mark.parametrize('name', LAYERS)
def test_layers_are_exact_and_cost_their_log_determinant(name):
    check(LAYERS[name](), draw(BATCH, *SHAPE).numpy())


@pytest.mark.parametrize(
    'flow, condition',
    [
        (small_glow, False),
        (lambda: small_real_nvp(RandomHalves()), False),
        (small_refined_glow, True),
        (lambda: MaCow(SHAPE, 3, [1, 1], [4, 4], BoundedAffine(1.0), dtype=tf.float64), True),
        (lambda: Jet(SHAPE, 3, 6, 8, 2, actnorm=True, dtype=tf.float64), True),
    ],
    ids=['glow', 'real nvp', 'refined glow', 'macow', 'jet'],
)
def test_flows_are_exact_and_cost_their_log_determinant(flow, condition):
    flow = flow(0) if flow is small_glow else flow()
    x = draw(BATCH, *SHAPE).numpy()
    given = tf.constant(np.random.default_rng(1).normal(size=(BATCH, 3))) if condition else None
    flow.initialize_and_forward(tf.constant(x), given)
    check(moved(flow, 0.1), x, given, tolerance=0.02)


def test_vectors_are_exact():
    layers = [
        ActNorm(6, event_ndims=1, dtype=tf.float64),
        InvertibleLinear(6, dtype=tf.float64),
    ]
    check(moved(Chain(layers)), draw(BATCH * 16, 6).numpy())


@pytest.mark.parametrize('scale_bits', [8, 12, 16])
def test_scales_are_inverted_exactly_for_any_scale(scale_bits):
    random = np.random.default_rng(0)
    x = random.integers(-(2**24), 2**24, 5000)
    log_scale = random.uniform(-12, 12, 5000)
    log_scale[:3] = 0, -40, 40
    ratio = ratio_of(log_scale, scale_bits)
    assert ratio.numerators.min() >= 1 and ratio.numerators.max() <= 2**scale_bits
    assert ratio.denominators.min() >= 1 and ratio.denominators.max() <= 2**scale_bits
    # Not enough bits either.
    for stack in (full_stack(), Stack(), Stack(bytes(8)), Stack(b'abcd\0\0\0\0')):
        content = stack.to_bytes()
        y = multiply(stack, x, ratio)
        assert np.array_equal(divide(stack, y, ratio), x)
        assert stack.to_bytes() == content


def test_values_that_cannot_be_coded_are_errors():
    for bad in (np.nan, np.inf, 1e30):
        with pytest.raises(ValueError, match='not finite, or too large'):
            GRID.to_integers(np.array([0.0, bad]))
    with pytest.raises(ValueError, match='scales that are not finite'):
        ratio_of(np.array([np.nan]), 12)
    with pytest.raises(ValueError, match='too large'):
        multiply(full_stack(), np.array([2**MAX_BITS]), ratio_of(np.array([0.1]), 12))


@pytest.mark.parametrize('size', [1, 2, 7, 24])
def test_matrices_are_exact(size):
    random = np.random.default_rng(size)
    matrix = random.normal(size=(size, size))
    integers = IntegerMatrix(matrix, 14)
    x, stack = random.integers(-(2**18), 2**18, (50, size)), full_stack()
    content = stack.to_bytes()
    y = integers.multiply(stack, x)
    np.testing.assert_allclose(y / 2**18, x @ matrix / 2**18, atol=0.02 * size)
    assert np.array_equal(integers.solve(stack, y), x) and stack.to_bytes() == content


@pytest.mark.parametrize('matrix', [np.ones((3, 3)), np.full((2, 2), np.nan)])
def test_singular_matrices_are_errors(matrix):
    with pytest.raises(ValueError, match='singular, or not finite'):
        IntegerMatrix(matrix, 12)


def test_tables_are_exact_and_have_an_end():
    x = np.array([-8, 0, 2, 1000])
    table = IntegerTable(x, np.array([-3, 2000, 2001, 2002]))
    stack, values = full_stack(), np.arange(-8, 1000)
    content = stack.to_bytes()
    y = table.forward(stack, values)
    assert y.min() >= -3 and y.max() < 2002
    assert np.array_equal(table.inverse(stack, y), values) and stack.to_bytes() == content
    with pytest.raises(ValueError, match='outside of the range'):
        table.forward(stack, np.array([1000]))
    with pytest.raises(ValueError, match='too flat'):
        IntegerTable(x, np.array([0, 1, 1, 2]))


def test_layers_without_an_integer_form_are_named():
    class Other(FlowBijector):
        pass

    with pytest.raises(ValueError, match='no integer form of Other'):
        check_codable(Chain([ActNorm(4), Other(3, tf.float32, 'other')]))
    spline = Coupling.build(4, transform=RationalQuadratic(4, 3.0), hidden_channels=4)
    with pytest.raises(ValueError, match='coupling with RationalQuadratic, which is not affine'):
        check_codable(spline)
