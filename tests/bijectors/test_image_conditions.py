"""Layers and flows conditioned on a vector, an image, or both: properties, and misuse."""

import numpy as np
import pytest
import tensorflow as tf

from support.bijector_checks import check_bijector, log_det_by_autodiff, move_weights
from tfwolf.bijectors.channel_split import ChannelSplit
from tfwolf.bijectors.coupling import Coupling
from tfwolf.bijectors.repeat import Repeat
from tfwolf.bijectors.squeeze import Squeezed
from tfwolf.bijectors.transforms import BoundedAffine
from tfwolf.core.variables import named_variables
from tfwolf.flows.macow import MaCow
from tfwolf.flows.refined_glow import RefinedGlow
from tfwolf.nets.condition import VectorAndImage
from tfwolf.nets.coupling_nets import ConvCouplingNet

DIM, CHANNELS = 3, 2
RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((2, 4, 4, 4))
VECTOR, IMAGE = RANDOM.standard_normal((2, DIM)), RANDOM.uniform(-1, 1, (2, 4, 4, CHANNELS))
CONDITIONS = {'vector': VECTOR, 'image': IMAGE, 'both': VectorAndImage(VECTOR, IMAGE)}


def coupling(dtype, kind, image_channels=CHANNELS, channels=4):
    split = ChannelSplit(channels)
    net = ConvCouplingNet(
        split.conditioning_channels,
        5,
        2 * split.transformed_channels,
        0 if kind == 'image' else DIM,
        dtype=dtype,
        condition_channels=0 if kind == 'vector' else image_channels,
    )
    return Coupling(split, net, BoundedAffine(1.0), dtype=dtype)


LAYERS = {
    'coupling': coupling,
    # The image is squeezed as x is.
    'squeezed': lambda dtype, kind: Squeezed(coupling(dtype, kind, 4 * CHANNELS, 16)),
    'repeat': lambda dtype, kind: Repeat(lambda seed: coupling(dtype, kind), 3),
}


@pytest.mark.parametrize('kind', CONDITIONS)
@pytest.mark.parametrize('name', LAYERS)
def test_layers_with_conditions(name, kind):
    layer = LAYERS[name](tf.float64, kind)
    move_weights(layer)
    check_bijector(layer, X, CONDITIONS[kind])


def test_a_coupling_in_float32():
    layer = coupling(tf.float32, 'both')
    move_weights(layer)
    check_bijector(layer, X, CONDITIONS['both'])


def flow_of(kind, condition_dim=DIM, shape=X.shape[1:], **changes):
    arguments = dict(
        num_steps=[1, [2], 1],
        hidden_channels=[3, 4, 4],
        transform=BoundedAffine(1.0),
        dtype=tf.float64,
        condition_channels=CHANNELS,
    )
    flow = kind(shape, condition_dim, **{**arguments, **changes})
    move_weights(flow)
    return flow


@pytest.mark.slow
def test_refined_glow_with_a_vector_and_an_image():
    """All levels, a `Repeat` among them; a gradient reaches every kernel of the image."""
    flow = flow_of(RefinedGlow)
    kernels = [path for path, _ in named_variables(flow) if path[-1].endswith('image_kernel')]
    assert len(kernels) > 4
    check_bijector(flow, X, CONDITIONS['both'])


@pytest.mark.slow
def test_macow_with_a_vector_and_an_image():
    flow, x = flow_of(MaCow), tf.constant(X)
    both = VectorAndImage(*map(tf.constant, CONDITIONS['both']))
    y, log_det = flow.forward_and_log_det(x, both)
    back, inverse = flow.inverse_and_log_det(y, both)
    np.testing.assert_allclose(back, x, atol=1e-9)
    np.testing.assert_allclose(inverse, -log_det, atol=1e-8)
    np.testing.assert_allclose(log_det, log_det_by_autodiff(flow, x, both), atol=1e-8)
    for other in (both._replace(image=-both.image), both._replace(vector=-both.vector)):
        assert np.abs(flow.forward(x, condition=other) - y).max() > 1e-3


def test_a_flow_of_an_image_alone():
    flow = flow_of(RefinedGlow, condition_dim=0)
    v, log_det = flow.forward_and_log_det(tf.constant(X), tf.constant(IMAGE))
    back, inverse = flow.inverse_and_log_det(v, tf.constant(IMAGE))
    np.testing.assert_allclose(back, X, atol=1e-10)
    np.testing.assert_allclose(inverse, -log_det, atol=1e-9)
    moved = flow.forward(tf.constant(X), condition=tf.constant(-IMAGE))
    assert np.abs(moved - v).max() > 1e-3


@pytest.mark.parametrize(
    'condition, message',
    [
        (None, 'is required'),
        (tf.constant(VECTOR), r'must have an image.*shape \(2, 3\)'),
        (VectorAndImage(VECTOR, IMAGE[..., :1]), 'has 2 channels'),
        (VectorAndImage(VECTOR, IMAGE[:, :3]), 'squeezed to 4x4 pixels'),
        (VectorAndImage(VECTOR, IMAGE[:1]), 'one row per image, 2'),
        (VectorAndImage(VECTOR[:, :2], IMAGE), r'must be \[batch, 3\]'),
    ],
)
def test_conditions_that_do_not_fit_are_rejected(condition, message):
    flow = flow_of(RefinedGlow, num_steps=[1, [1], 1])
    if isinstance(condition, VectorAndImage):
        condition = VectorAndImage(*map(tf.constant, condition))
    with pytest.raises(ValueError, match=message):
        flow.forward_and_log_det(tf.constant(X), condition)
