"""TFP's methods with any number of leading dimensions, one-pass methods with exactly one."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from support.bijector_checks import move_weights
from support.small_flows import SHAPE, draw, small_glow, small_real_nvp, small_refined_glow
from tfwolf.bijectors.actnorm import ActNorm
from tfwolf.bijectors.chain import Chain
from tfwolf.bijectors.invertible_conv import InvertibleConv1x1
from tfwolf.flows.factor_out import Conventional

CONDITION = tf.constant(np.eye(3)[[0, 2]])
tfd, tfb = tfp.distributions, tfp.bijectors


ANY_BATCH = {
    'actnorm': lambda: ActNorm(4, dtype=tf.float64),
    'chain': lambda: Chain([ActNorm(4, dtype=tf.float64), InvertibleConv1x1(4, dtype=tf.float64)]),
    'refined glow': small_refined_glow,
    'glow': small_glow,
    'realnvp': lambda: small_real_nvp(Conventional()),
}


@pytest.mark.parametrize('leading', [(), (5,), (2, 3), (1,)])
@pytest.mark.parametrize('name', ANY_BATCH)
def test_tfp_methods_accept_any_leading_dimensions(name, leading):
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
def test_a_single_condition_is_repeated(leading):
    flow = small_refined_glow()
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
def test_the_batch_size_may_be_unknown(leading):
    flow = small_refined_glow()
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


def test_wrong_shapes_are_rejected():
    flow, actnorm = small_refined_glow(), ActNorm(4, dtype=tf.float64)
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
