"""Coupling networks are interchangeable: a custom network in every flow, optional attributes."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from support.bijector_checks import check_bijector, move_weights
from tfwolf.bijectors.channel_split import ChannelSplit
from tfwolf.bijectors.coupling import Coupling
from tfwolf.bijectors.invertible_conv import InvertibleConv1x1
from tfwolf.bijectors.transforms import Additive, BoundedAffine, SigmoidAffine
from tfwolf.core.variables import named_variables
from tfwolf.flows.glow import Glow
from tfwolf.flows.levels import networks
from tfwolf.flows.realnvp import RealNVP
from tfwolf.flows.refined_glow import RefinedGlow
from tfwolf.nets.condition import check_condition
from tfwolf.nets.coupling_nets import ConvCouplingNet
from tfwolf.nets.glow_net import GlowCouplingNet
from tfwolf.nets.protocol import HIDDEN_ARRAYS, CouplingNetwork
from tfwolf.nets.residual_coupling_net import ResidualCouplingNet

SHAPE = (4, 4, 2)


class TinyNet(tf.Module):
    """Attention over all pixels, with z added to every query."""

    def __init__(self, in_channels, hidden_channels, out_channels, condition_dim, seed, dtype):
        super().__init__(name='tiny_net')
        sizes = {
            'kernel': (in_channels, hidden_channels),
            'output': (hidden_channels, out_channels),
            'of_condition': (condition_dim, hidden_channels),
        }
        for name, size in sizes.items():
            setattr(
                self,
                name,
                tf.Variable(0.3 * np.random.default_rng(seed).standard_normal(size), dtype=dtype)
                if size[0]
                else None,
            )

    def __call__(self, x, condition=None, training=False):
        values = tf.tensordot(
            tf.reshape(x, [-1, x.shape[1] * x.shape[2], x.shape[3]]), self.kernel, 1
        )
        queries = (
            values
            if self.of_condition is None
            else values + (condition @ self.of_condition)[:, None]
        )
        h = tf.matmul(tf.nn.softmax(tf.matmul(queries, values, transpose_b=True)), values) + tf.sin(
            queries
        )
        # Real NVP uses the output as the log-scale without bounding it.
        return tf.reshape(
            tf.tanh(tf.tensordot(h, self.output, 1)), [-1, *x.shape[1:3], self.output.shape[1]]
        )

    def initialize(self, x, condition=None):
        self.output.assign(tf.zeros_like(self.output))


FLOWS = {
    'refined glow': functools.partial(
        RefinedGlow, num_steps=[0, [1], 1], hidden_channels=[3, 3, 3], transform=BoundedAffine(1.0)
    ),
    'glow': functools.partial(
        Glow,
        num_levels=2,
        num_steps=1,
        hidden_channels=3,
        transform=SigmoidAffine(),
        permutation=InvertibleConv1x1,
    ),
    'real nvp': functools.partial(RealNVP, num_scales=2, hidden_channels=3),
}


@pytest.mark.parametrize(
    'name',
    [
        pytest.param(name, marks=[pytest.mark.slow] if name == 'refined glow' else [])
        for name in FLOWS
    ],
)
def test_a_custom_network_makes_a_bijector_that_learns(name):
    flow = FLOWS[name](image_shape=SHAPE, condition_dim=3, net=TinyNet, dtype=tf.float64)
    move_weights(flow)
    random = np.random.default_rng(0)
    # `check_bijector` also checks that gradients reach every weight.
    check_bijector(flow, random.uniform(-0.9, 0.9, (2, *SHAPE)), random.standard_normal((2, 3)))
    names = {
        path[-1] if 'weights' not in path else path[-1].split('.')[-1]
        for path, _ in named_variables(flow)
    }
    assert {'kernel', 'output'} <= names and ('of_condition' in names) == (name != 'glow')
    tiny = [net for net in networks([flow]) if isinstance(net, TinyNet)]
    assert len(tiny) == {'refined glow': 9, 'glow': 2, 'real nvp': 10}[name]
    assert {row.hidden_arrays for row in flow.levels if row.num_steps} == {HIDDEN_ARRAYS}
    assert (
        not flow.has_auxiliary_losses
        or flow.auxiliary_losses(tf.zeros([2, *SHAPE], tf.float64)) == {}
    )


@pytest.mark.parametrize(
    'name, own',
    [
        ('refined glow', ConvCouplingNet),
        ('glow', GlowCouplingNet),
        ('real nvp', ResidualCouplingNet),
    ],
)
def test_the_default_network_can_be_named(name, own):
    default, named = (
        FLOWS[name](image_shape=SHAPE, condition_dim=0, seed=4, **given)
        for given in ({}, {'net': own})
    )
    for (path, one), (other_path, two) in zip(
        named_variables(default), named_variables(named), strict=True
    ):
        assert path == other_path
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize('name', ['refined glow', 'real nvp'])
def test_the_networks_of_other_flows_can_be_used(name):
    for net, in_training in (
        (ConvCouplingNet, False),
        (functools.partial(ResidualCouplingNet, num_blocks=0), True),
    ):
        flow = functools.partial(FLOWS[name], image_shape=SHAPE, condition_dim=0, net=net)
        if name == 'refined glow' and in_training:
            # Its steps are repeated, and repeated layers must not update running averages.
            with pytest.raises(ValueError, match='normalizes over the batch'):
                flow()
        else:
            made = flow()
            assert made.normalizes_over_batch == (name == 'real nvp')
            assert isinstance(networks([made])[0], CouplingNetwork)


def test_a_coupling_normalizes_over_the_batch_if_its_network_does():
    assert Coupling.build(
        4, functools.partial(ResidualCouplingNet, num_blocks=0)
    ).normalizes_over_batch
    assert not Coupling.build(4).normalizes_over_batch


def test_weight_scales_are_those_of_the_networks():
    flow = RealNVP(
        SHAPE,
        0,
        2,
        4,
        functools.partial(ResidualCouplingNet, num_blocks=1),
        weight_scale_l2=0.5,
        dtype=tf.float64,
    )
    expected = 0.5 * sum(
        float(tf.reduce_sum(scale**2)) for net in networks([flow]) for scale in net.weight_scales()
    )
    np.testing.assert_allclose(
        flow.auxiliary_losses(tf.zeros([3, *SHAPE], tf.float64))['weight_scales'],
        [expected] * 3,
        rtol=1e-12,
    )
    assert not RealNVP(
        SHAPE, 0, 1, 4, functools.partial(ResidualCouplingNet, num_blocks=0), weight_scale_l2=0
    ).has_auxiliary_losses


def test_hidden_arrays_are_those_of_the_networks():
    assert (
        ConvCouplingNet(1, 1, 1).hidden_arrays == 4 and GlowCouplingNet(1, 1, 1).hidden_arrays == 6
    )
    assert ResidualCouplingNet(1, 1, 2, num_blocks=3).hidden_arrays == 22
    flow = FLOWS['real nvp'](
        image_shape=SHAPE, condition_dim=0, net=functools.partial(ResidualCouplingNet, num_blocks=1)
    )
    assert {row.hidden_arrays for row in flow.levels} == {10}


def test_the_predicted_gaussian_has_the_precision_of_the_networks():
    flow = FLOWS['glow'](
        image_shape=SHAPE,
        condition_dim=0,
        net=functools.partial(GlowCouplingNet, compute_dtype='bfloat16'),
    )
    assert {net.compute_dtype for net in networks([flow])} == {tf.bfloat16}
    assert {
        net.compute_dtype for net in networks([FLOWS['glow'](image_shape=SHAPE, condition_dim=0)])
    } == {tf.float32}


def test_the_network_of_glow_rejects_a_condition():
    with pytest.raises(ValueError, match='condition_dim.*must be 0.*got condition_dim=3'):
        FLOWS['refined glow'](image_shape=SHAPE, condition_dim=3, net=GlowCouplingNet)


@pytest.mark.parametrize(
    'options',
    [
        {},
        {'split': ChannelSplit(8, factor=4)},
        {'split': ChannelSplit(8, alternate=True, up=False)},
        {'transform': Additive(), 'condition_dim': 3},
    ],
)
def test_a_coupling_builds_its_own_network(options):
    coupling = Coupling.build(8, hidden_channels=5, dtype=tf.float64, **options)
    move_weights(coupling)
    random = np.random.default_rng(0)
    condition = random.standard_normal((2, 3)) if 'condition_dim' in options else None
    check_bijector(coupling, random.standard_normal((2, 2, 2, 8)), condition)
    with pytest.raises(ValueError, match='`split` must be of 6 channels; got one of 8'):
        Coupling.build(6, split=ChannelSplit(8))


def test_the_shape_of_a_condition_is_checked():
    x, z = tf.zeros([2, 4, 4, 1]), tf.zeros([2, 3])
    check_condition(z, x, 3)
    for wrong, message in (
        (None, 'is required.*size 3'),
        (z[:, :2], r'\[batch, 3\].*\(2, 2\)'),
        (z[:1], 'one row per image, 2'),
        (z[0], r'\[batch, 3\]'),
    ):
        with pytest.raises(ValueError, match=message):
            check_condition(wrong, x, 3)
    net = ResidualCouplingNet(1, 2, 2, condition_dim=3, num_blocks=0)
    with pytest.raises(ValueError, match='one row per image, 2'):
        net(x, z[:1])
