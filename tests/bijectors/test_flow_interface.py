"""What a layer writes and what follows from it: terms, properties of wrappers, TFP's methods for
any leading
dimensions, `Repeat`'s guard.
"""

import functools
import threading

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from support.bijector_checks import move_weights
from support.small_models import random_images, residual_net
from tfwolf.bijectors.actnorm import ActNorm
from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.batch_norm import BatchNormFlow
from tfwolf.bijectors.chain import Chain
from tfwolf.bijectors.invertible_conv import InvertibleConv1x1
from tfwolf.bijectors.log_det_terms import sum_of_terms
from tfwolf.bijectors.multiscale import MultiScaleSplit
from tfwolf.bijectors.repeat import Repeat
from tfwolf.bijectors.squeeze import Squeezed
from tfwolf.bijectors.transforms import BoundedAffine, SigmoidAffine
from tfwolf.core.untracked import Untracked
from tfwolf.core.variables import named_variables
from tfwolf.data.dataset import ArraySplit
from tfwolf.distributions.prior import NormalPrior
from tfwolf.flows.conditional_base import ConditionalBase
from tfwolf.flows.factor_out import Conventional, LikelihoodContribution, Unsplit
from tfwolf.flows.glow import Glow
from tfwolf.flows.realnvp import RealNVP
from tfwolf.flows.refined_glow import RefinedGlow
from tfwolf.models.encoder import Encoder
from tfwolf.models.initialization import initialize
from tfwolf.models.latents import GaussianLatent
from tfwolf.models.preparation import conclude_preparation, preparing_model
from tfwolf.models.wolf import Wolf

SHAPE = (4, 4, 4)
CONDITION = tf.constant(np.eye(3)[[0, 2]])
tfd, tfb = tfp.distributions, tfp.bijectors


def draw(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).uniform(-0.9, 0.9, shape))


def glow(condition_dim=3):
    return Glow(
        SHAPE,
        condition_dim,
        2,
        1,
        3,
        SigmoidAffine(),
        InvertibleConv1x1,
        classification_weight=0.1 if condition_dim else 0.0,
        dtype=tf.float64,
    )


def real_nvp(factor_out=None, **changes):
    return RealNVP(
        SHAPE,
        0,
        2,
        3,
        residual_net(0),
        factor_out=factor_out or LikelihoodContribution(5),
        dtype=tf.float64,
        **changes,
    )


def refined_glow():
    return RefinedGlow(SHAPE, 3, [0, [1], 1], [3, 3, 3], BoundedAffine(1.0), dtype=tf.float64)


FLOWS = {
    'glow': glow,
    'realnvp': real_nvp,
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
    """Returns the wrapper's input for which the flow inside gets x."""
    if wrapper == 'squeezed':
        return tf.nn.depth_to_space(x, 2)
    if wrapper == 'split':
        return tf.concat([x[..., :1], x, x[..., :1]], axis=-1)
    if wrapper == 'behind another':
        return ActNorm(4, dtype=tf.float64).inverse_and_log_det(x)[0]
    return x


@pytest.mark.parametrize('wrapper', WRAPPERS)
@pytest.mark.parametrize('name', FLOWS)
def test_wrappers_pass_on_what_a_flow_says_of_itself(name, wrapper):
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
def test_a_conditional_base_passes_on_what_its_flow_says_of_itself(name):
    flow = glow(0) if name == 'glow' else FLOWS[name]()
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
    """An actnorm whose outputs' squares are added to the loss."""

    def auxiliary_losses(self, v, condition=None):
        return {'squares': tf.reduce_sum(v**2, axis=[1, 2, 3])}


def test_auxiliary_losses_of_one_name_add_up_each_of_its_own_output():
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


def test_a_repeated_layer_says_the_same_of_itself_as_the_layer():
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


@pytest.mark.parametrize(
    'name, message',
    [
        ('batch norm', 'normalises over the batch'),
        ('realnvp', 'normalises over the batch'),
        ('glow', 'holds a `Repeat`'),
    ],
)
def test_what_cannot_be_repeated_is_refused(name, message):
    with pytest.raises(ValueError, match=message):
        Repeat(lambda seed: FLOWS[name](), 1)


def test_at_most_one_layer_may_need_a_preparation():
    with pytest.raises(ValueError, match='one layer that needs a preparation.*got 2'):
        Chain([real_nvp(), real_nvp()])
    assert Chain([real_nvp(), real_nvp(Conventional())]).preparation.num_steps == 5


def test_lcma_in_a_conditional_base_is_prepared():
    images = random_images(16, (8, 8, 3))

    def inner(factor_out=LikelihoodContribution(2), **given):
        return RealNVP(
            **given, num_scales=2, hidden_channels=3, net=residual_net(0), factor_out=factor_out
        )

    latent = functools.partial(
        GaussianLatent,
        latent_dim=3,
        prior=NormalPrior,
        encoder=functools.partial(Encoder, widths=[4], out_channels=2),
    )
    model = Wolf((8, 8, 3), 8, latent=latent, flow=functools.partial(ConditionalBase, flow=inner))
    preparation = model.flow.preparation
    assert preparation.num_steps == 2 and isinstance(
        preparation.flow_changes['flow'].keywords['factor_out'], Unsplit
    )
    with pytest.raises(RuntimeError, match='phase 1'):
        initialize(model, images, seed=0)
    first = preparing_model(model)
    assert isinstance(first.flow, ConditionalBase) and first.flow.preparation is None
    initialize(first, images, seed=0)
    move_weights(first.flow, 0.05)
    conclude_preparation(model, first, ArraySplit(lambda: (images, None), 16, (8, 8, 3)), 8, seed=0)
    initialize(model, images, seed=0)
    orders = [variable for path, variable in named_variables(model) if path[-1] == 'order']
    assert len(orders) == 1 and np.any(orders[0].numpy() != np.arange(192))
    np.testing.assert_array_equal(model.decode(*model.encode(images)), images)


@pytest.mark.parametrize(
    'shape',
    [
        (),
        (1,),
        (4,),
        (3, 1),
        (5, 1, 4),
        (1, 5, 3, 4),
        (2, 1, 1, 4),
        (2, 5, 1, 4),
        (2, 5, 3, 1),
        (1, 1, 1, 1),
        (2, 5, 3, 4),
    ],
)
def test_terms_are_summed_as_if_they_had_the_shape_of_y(shape):
    y, terms = draw(2, 5, 3, 4), draw(*shape, seed=1)
    expected = np.sum(np.broadcast_to(terms, y.shape), axis=(1, 2, 3))
    np.testing.assert_allclose(sum_of_terms(terms, y), expected, rtol=1e-12)
    compiled = tf.function(
        sum_of_terms,
        input_signature=[
            tf.TensorSpec(shape, tf.float64),
            tf.TensorSpec([None, 5, 3, 4], tf.float64),
        ],
    )
    np.testing.assert_allclose(compiled(terms, y), expected, rtol=1e-12)


def test_a_convolution_shares_its_log_determinant_evenly_and_computes_it_once():
    layer = InvertibleConv1x1(4, dtype=tf.float64)
    move_weights(layer)
    x = draw(2, *SHAPE)
    each = np.linalg.slogdet(layer.matrix.weight)[1]
    y, contributions = layer.forward_with_contributions(x, x)
    np.testing.assert_allclose(contributions, x + each / 4, rtol=1e-12)
    np.testing.assert_allclose(layer.forward_and_log_det(x)[1], [16 * each] * 2, rtol=1e-12)
    graph = tf.function(layer.forward_and_log_det, autograph=False).get_concrete_function(x).graph
    assert [operation.type for operation in graph.get_operations()].count('Qr') == 1


def test_a_layer_may_give_its_whole_log_determinant():
    class Doubled(FlowBijector):
        def __init__(self):
            super().__init__(event_ndims=3, dtype=tf.float64, name='doubled')

        def forward_and_log_det(self, x, condition=None):
            return 2 * x, tf.fill([x.shape[0]], tf.constant(64 * np.log(2)))

        def inverse_and_log_det(self, y, condition=None):
            return y / 2, tf.fill([y.shape[0]], tf.constant(-64 * np.log(2)))

    x = draw(3, *SHAPE)
    for flow in (Doubled(), Chain([Doubled()])):
        for forward in (flow.forward_and_log_det, flow.forward_in_training):
            y, log_det = forward(x)
            np.testing.assert_array_equal(log_det, [64 * np.log(2)] * 3)
        np.testing.assert_allclose(
            flow.forward_with_contributions(x, tf.zeros_like(x))[1],
            np.full(x.shape, np.log(2)),
            rtol=1e-12,
        )
        np.testing.assert_array_equal(flow.inverse(flow.forward(x)), x)
        np.testing.assert_allclose(
            flow.backpropagate(y, (tf.ones_like(y), log_det), [])[1], np.full(x.shape, 2.0)
        )

    class Nothing(FlowBijector):
        def __init__(self):
            super().__init__(event_ndims=3, dtype=tf.float64, name='nothing')

    for call in (
        Nothing().forward_and_log_det,
        Nothing().forward_in_training,
        Nothing().inverse_and_log_det,
    ):
        with pytest.raises(NotImplementedError, match='Nothing must write'):
            call(x)


ANY_BATCH = {
    'actnorm': FLOWS['actnorm'],
    'chain': lambda: Chain([ActNorm(4, dtype=tf.float64), InvertibleConv1x1(4, dtype=tf.float64)]),
    'refined glow': refined_glow,
    'glow': glow,
    'realnvp': lambda: real_nvp(Conventional()),
}


@pytest.mark.parametrize('leading', [(), (5,), (2, 3), (1,)])
@pytest.mark.parametrize('name', ANY_BATCH)
def test_tfp_s_methods_take_any_leading_dimensions(name, leading):
    flow = ANY_BATCH[name]()
    move_weights(flow, 0.05)
    count = int(np.prod(leading))
    x, z = draw(count, *SHAPE), draw(count, 3, seed=2) if name in ('refined glow', 'glow') else None
    y, log_det = flow.forward_and_log_det(x, z)
    _, inverse_log_det = flow.inverse_and_log_det(y, z)
    kwargs = {} if z is None else {'condition': tf.reshape(z, [*leading, 3])}
    x_shaped, y_shaped = (tf.reshape(values, [*leading, *SHAPE]) for values in (x, y))
    np.testing.assert_array_equal(flow.forward(x_shaped, **kwargs), y_shaped)
    np.testing.assert_allclose(flow.inverse(y_shaped, **kwargs), x_shaped, atol=1e-10)
    np.testing.assert_array_equal(
        flow.forward_log_det_jacobian(x_shaped, event_ndims=3, **kwargs),
        tf.reshape(log_det, leading),
    )
    np.testing.assert_array_equal(
        flow.inverse_log_det_jacobian(y_shaped, event_ndims=3, **kwargs),
        tf.reshape(inverse_log_det, leading),
    )
    normal = tfd.Sample(tfd.Normal(np.float64(0), np.float64(1)), SHAPE)
    density = tfd.TransformedDistribution(normal, tfb.Invert(flow))
    log_prob = density.log_prob(x_shaped, bijector_kwargs=kwargs)
    assert log_prob.shape == leading
    np.testing.assert_allclose(
        log_prob, tf.reshape(normal.log_prob(y) + log_det, leading), rtol=1e-12
    )
    sample = density.sample(leading, seed=(1, 2), bijector_kwargs=kwargs)
    noise = tf.reshape(normal.sample(leading, seed=(1, 2)), [count, *SHAPE])
    np.testing.assert_array_equal(
        sample, tf.reshape(flow.inverse_and_log_det(noise, z)[0], x_shaped.shape)
    )


@pytest.mark.parametrize('leading', [(), (4,), (2, 3)])
def test_one_condition_serves_all(leading):
    flow = refined_glow()
    move_weights(flow)
    x, z = draw(*leading, *SHAPE), draw(3, seed=2)
    count = int(np.prod(leading))
    expected = flow.forward_and_log_det(
        tf.reshape(x, [count, *SHAPE]), tf.repeat(z[tf.newaxis], count, axis=0)
    )
    for one in (z, z[tf.newaxis]):
        np.testing.assert_array_equal(
            flow.forward(x, condition=one), tf.reshape(expected[0], x.shape)
        )
        np.testing.assert_array_equal(
            flow.forward_log_det_jacobian(x, event_ndims=3, condition=one),
            tf.reshape(expected[1], leading),
        )


@pytest.mark.parametrize('leading', [[None], [None, None], [2, None]])
def test_the_batch_may_be_unknown(leading):
    flow = refined_glow()
    move_weights(flow)
    sizes = (2, 3)[: len(leading)]
    x, z = draw(*sizes, *SHAPE), draw(*sizes, 3, seed=2)
    specs = [
        tf.TensorSpec([*leading, *SHAPE], tf.float64),
        tf.TensorSpec([*leading, 3], tf.float64),
    ]

    @tf.function(input_signature=specs, autograph=False)
    def both(x, z):
        one = z[(0,) * (len(leading))]
        return (
            flow.forward(x, condition=z),
            flow.forward_log_det_jacobian(x, event_ndims=3, condition=z),
            flow.forward(x, condition=one),
        )

    y, log_det, of_first = both(x, z)
    expected = flow.forward_and_log_det(tf.reshape(x, [-1, *SHAPE]), tf.reshape(z, [-1, 3]))
    np.testing.assert_allclose(y, tf.reshape(expected[0], x.shape), atol=1e-12)
    np.testing.assert_allclose(log_det, tf.reshape(expected[1], sizes), atol=1e-10)
    first = tf.broadcast_to(z[(0,) * len(leading)], z.shape)
    np.testing.assert_allclose(of_first, flow.forward(x, condition=first), atol=1e-12)


def test_wrong_shapes_are_named():
    flow, actnorm = refined_glow(), ActNorm(4, dtype=tf.float64)
    with pytest.raises(
        ValueError, match=r'\[height, width, channels\].*rank 3 or more; got shape \(4, 4\)'
    ):
        actnorm.forward(draw(4, 4))
    with pytest.raises(ValueError, match=r'\[4, 4, 4\].*got shape \(2, 4, 3, 4\)'):
        flow.forward(draw(2, 4, 3, 4), condition=CONDITION)
    with pytest.raises(ValueError, match=r'condition.*\[2, condition_dim\].*got shape \(3, 3\)'):
        flow.forward(draw(2, *SHAPE), condition=draw(3, 3))
    for wrong in (draw(*SHAPE), draw(2, 3, *SHAPE)):
        for call in (
            flow.forward_and_log_det,
            flow.inverse_and_log_det,
            flow.forward_in_training,
            Chain([flow]).forward_and_log_det,
        ):
            with pytest.raises(
                ValueError,
                match=r'\[batch, 4, 4, 4\], of rank 4, with one batch dimension; got shape',
            ):
                call(wrong, CONDITION)
        with pytest.raises(ValueError, match='one batch dimension'):
            actnorm.forward_and_log_det(wrong)
    with pytest.raises(ValueError, match=r'\[batch, features\], of rank 2'):
        ActNorm(4, event_ndims=1).forward_and_log_det(draw(2, 3, 4))


class Entering(ActNorm):
    """An actnorm that calls what `Entering.enter` holds before it runs."""

    enter = Untracked(None)

    def _forward_terms(self, x, condition, training):
        if self.enter.value is not None:
            self.enter.value()
        return super()._forward_terms(x, condition, training)


@pytest.fixture
def entering():
    yield Entering.enter
    Entering.enter.value = None


@pytest.mark.parametrize('repeats', [1, 3])
def test_a_repeat_is_not_entered_from_inside_itself(repeats, entering):
    flow = Repeat(lambda seed: Entering(4, seed=seed, dtype=tf.float64), repeats)
    x = draw(2, *SHAPE)
    before = flow.forward_and_log_det(x)[0]
    entering.value = lambda: flow.forward_and_log_det(x)
    with pytest.raises(RuntimeError, match='in use.*from inside its own layers'):
        flow.forward_and_log_det(x)
    entering.value = None
    with pytest.raises(RuntimeError, match='in use'):
        flow.walk(lambda name, layer, x: flow.inverse_and_log_det(x)[0], x)
    np.testing.assert_array_equal(flow.forward_and_log_det(x)[0], before)


def test_a_repeat_is_not_entered_by_two_threads(entering):
    flow = Repeat(lambda seed: Entering(4, seed=seed, dtype=tf.float64), 1)
    x = draw(2, *SHAPE)
    before = flow.forward_and_log_det(x)[0]
    inside, leave, results = threading.Event(), threading.Event(), []

    def wait():
        inside.set()
        assert leave.wait(60)

    entering.value = wait
    thread = threading.Thread(target=lambda: results.append(flow.forward_and_log_det(x)[0]))
    thread.start()
    assert inside.wait(60)
    entering.value = None
    try:
        with pytest.raises(RuntimeError, match='two threads'):
            flow.forward_and_log_det(x)
    finally:
        leave.set()
        thread.join()
    np.testing.assert_array_equal(results[0], before)
    np.testing.assert_array_equal(flow.forward_and_log_det(x)[0], before)


def test_weights_are_taken_back_after_an_error(entering):
    flow = Repeat(lambda seed: Entering(4, seed=seed, dtype=tf.float64), 2)
    x = draw(2, *SHAPE)
    before = flow.forward_and_log_det(x)[0]

    def fail():
        raise KeyError('a layer that fails')

    entering.value = fail
    with pytest.raises(KeyError, match='a layer that fails'):
        flow.forward_and_log_det(x)
    assert not hasattr(flow.parts[0], 'log_scale')
    entering.value = None
    np.testing.assert_array_equal(flow.forward_and_log_det(x)[0], before)


def test_what_is_untracked_is_no_part_of_the_model():
    module = tf.Module()
    module.own = tf.Variable(1.0)
    module.other = Untracked(tf.Variable(2.0))
    assert [path for path, _ in named_variables(module)] == [('own',)] and module.variables == (
        module.own,
    )
    assert float(module.other.value) == 2.0
