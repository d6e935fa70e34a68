"""Properties that composites derive from their parts: auxiliary losses, preparation, batch norm."""

import numpy as np
import pytest
import tensorflow as tf

from support.bijector_checks import move_weights
from support.small_flows import SHAPE, draw, small_glow, small_real_nvp
from tfwolf.bijectors.actnorm import ActNorm
from tfwolf.bijectors.batch_norm import BatchNormFlow
from tfwolf.bijectors.chain import Chain
from tfwolf.bijectors.multiscale import MultiScaleSplit
from tfwolf.bijectors.repeat import Repeat
from tfwolf.bijectors.squeeze import Squeezed
from tfwolf.flows.conditional_base import ConditionalBase
from tfwolf.flows.factor_out import Conventional

CONDITION = tf.constant(np.eye(3)[[0, 2]])


FLOWS = {
    'glow': small_glow,
    'realnvp': small_real_nvp,
    'batch norm': lambda: BatchNormFlow(4, dtype=tf.float64),
    'actnorm': lambda: ActNorm(4, dtype=tf.float64),
}


WRAPPERS = {
    'chain': lambda f: Chain([f]),
    'chain of chains': lambda f: Chain([Chain([f])]),
    'behind another': lambda f: Chain([ActNorm(4, dtype=tf.float64), f]),
    'before another': lambda f: Chain([f, ActNorm(4, dtype=tf.float64, seed=1)]),
    'squeezed': Squeezed,
    'split': lambda f: MultiScaleSplit(f, 1, 5, 6),
}


def input_of(wrapper, x):
    """Return the wrapper's input for which the inner flow receives x."""
    if wrapper == 'squeezed':
        return tf.nn.depth_to_space(x, 2)
    if wrapper == 'split':
        return tf.concat([x[..., :1], x, x[..., :1]], axis=-1)
    if wrapper == 'behind another':
        return ActNorm(4, dtype=tf.float64).inverse_and_log_det(x)[0]
    return x


@pytest.mark.parametrize('wrapper', WRAPPERS)
@pytest.mark.parametrize('name', FLOWS)
def test_wrappers_derive_properties_from_the_inner_flow(name, wrapper):
    flow = FLOWS[name]()
    move_weights(flow)
    x = draw(2, *SHAPE)
    expected = flow.auxiliary_losses(flow.forward_and_log_det(x, CONDITION)[0], CONDITION)
    assert set(expected) == {'glow': {'classification'}, 'realnvp': {'weight_scales'}}.get(
        name, set()
    )
    whole = WRAPPERS[wrapper](flow)
    assert (
        whole.normalizes_over_batch
        == flow.normalizes_over_batch
        == (name in ('realnvp', 'batch norm'))
    )
    assert whole.preparation is flow.preparation and (whole.preparation is not None) == (
        name == 'realnvp'
    )
    assert (
        whole.has_auxiliary_losses == flow.has_auxiliary_losses
        and whole.auxiliary_losses_read_v == (name == 'glow')
    )
    losses = whole.auxiliary_losses(
        whole.forward_and_log_det(input_of(wrapper, x), CONDITION)[0], CONDITION
    )
    assert set(losses) == set(expected)
    for key, values in expected.items():
        np.testing.assert_allclose(losses[key], values, rtol=1e-9)


@pytest.mark.parametrize('name', FLOWS)
def test_a_conditional_base_derives_properties_from_its_flow(name):
    flow = small_glow(0) if name == 'glow' else FLOWS[name]()
    move_weights(flow)
    base = ConditionalBase(
        SHAPE, 3, lambda image_shape, condition_dim, seed, dtype: flow, dtype=tf.float64
    )
    move_weights(base.layers[1])
    assert base.normalizes_over_batch == flow.normalizes_over_batch
    assert (base.preparation is None) == (flow.preparation is None)
    v = base.forward_and_log_det(draw(2, *SHAPE), CONDITION)[0]
    losses = base.auxiliary_losses(v, CONDITION)
    assert set(losses) == ({'weight_scales'} if name == 'realnvp' else set())
    if losses:
        np.testing.assert_array_equal(
            losses['weight_scales'], flow.auxiliary_losses(v)['weight_scales']
        )


class Squares(ActNorm):
    """An actnorm with the squares of its output as an auxiliary loss."""

    def auxiliary_losses(self, v, condition=None):
        return {'squares': tf.reduce_sum(v**2, axis=[1, 2, 3])}


def test_auxiliary_losses_of_equal_name_are_added():
    x = draw(2, *SHAPE)
    layers = [Squares(4, seed=seed, dtype=tf.float64) for seed in range(3)]
    expected, y = 0, x
    for layer in layers:
        y = layer.forward_and_log_det(y)[0]
        expected += layer.auxiliary_losses(y)['squares']
    np.testing.assert_allclose(Chain(layers).auxiliary_losses(y)['squares'], expected, rtol=1e-12)
    repeat = Repeat(lambda seed: Squares(4, seed=seed, dtype=tf.float64), 3)
    y, expected = x, 0
    for log_scale, bias in zip(repeat.weights['log_scale'].numpy(), repeat.weights['bias'].numpy()):
        y = y * np.exp(log_scale) + bias
        expected += np.sum(y**2, axis=(1, 2, 3))
    assert (
        repeat.has_auxiliary_losses
        and not repeat.normalizes_over_batch
        and repeat.preparation is None
    )
    np.testing.assert_allclose(repeat.auxiliary_losses(y)['squares'], expected, rtol=1e-12)


def test_a_repeat_has_the_properties_of_its_layer():
    flow, repeat = (
        ActNorm(4, dtype=tf.float64),
        Repeat(lambda seed: ActNorm(4, dtype=tf.float64), 1),
    )
    for name in (
        'normalizes_over_batch',
        'preparation',
        'has_auxiliary_losses',
        'auxiliary_losses_read_v',
    ):
        assert getattr(repeat, name) == getattr(flow, name)
    assert repeat.auxiliary_losses(draw(2, *SHAPE)) == flow.auxiliary_losses(draw(2, *SHAPE)) == {}


def test_at_most_one_layer_may_need_a_preparation():
    with pytest.raises(ValueError, match='one layer that needs a preparation.*got 2'):
        Chain([small_real_nvp(), small_real_nvp()])
    assert Chain([small_real_nvp(), small_real_nvp(Conventional())]).preparation.num_steps == 5
