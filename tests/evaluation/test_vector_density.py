"""Densities of vectors: log-likelihoods in the unit of the data, samples, and the summary."""

import functools

import numpy as np
import pytest
import tensorflow as tf

import tfwolf
from support.bijector_checks import move_weights
from tfwolf.evaluation.likelihood import evaluate_likelihood, kind_of_bound
from tfwolf.evaluation.summary import as_text

FLOW = functools.partial(tfwolf.VectorRealNVP, num_steps=1, hidden_channels=8)


def vector_model(data, moved=True, **arguments):
    """Returns a model of vectors `[n, features]` that is initialized from them."""
    model = tfwolf.Wolf(
        [1, 1, data.shape[1]],
        **{'num_bits': None, 'flow': FLOW, 'latent': tfwolf.NoLatent, **arguments},
    )
    tfwolf.initialize(model, data[:, None, None].astype(np.float32), seed=0)
    if moved:
        move_weights(model.flow, 0.02)
    return model


@pytest.fixture(scope='module')
def data():
    """Returns vectors of very different scales."""
    return np.random.default_rng(0).normal([3, -200, 0.01], [0.5, 40, 0.002], (400, 3))


def test_density_integrates_to_one():
    random = np.random.default_rng(0)
    model = vector_model(random.normal([100, 0.0], [20, 0.01], (500, 2)))
    x, y = np.linspace(-60, 260, 250), np.linspace(-0.08, 0.08, 250)
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    p = np.exp(tfwolf.log_likelihood(model, grid))
    assert abs(p.sum() * (x[1] - x[0]) * (y[1] - y[0]) - 1) < 5e-3


def test_other_units_shift_the_density_by_their_jacobian(data):
    """In millimetres instead of metres, log p falls by log 1000 per feature, and nothing else."""
    factors = np.array([1000, 1000, 10])
    in_m, in_mm = vector_model(data), vector_model(factors * data)
    difference = tfwolf.log_likelihood(in_mm, factors * data) - tfwolf.log_likelihood(in_m, data)
    np.testing.assert_allclose(difference, -np.log(factors).sum(), atol=2e-3)


def test_samples_are_those_of_their_v(data):
    model = vector_model(data)
    samples, v = tfwolf.sample_vectors(model, 300, seed=3)
    assert samples.shape == v.shape == (300, 3)
    np.testing.assert_allclose(tfwolf.encode_vectors(model, samples), v, atol=1e-3)
    # A batch of another size rounds otherwise on some processors.
    np.testing.assert_allclose(model.sample(2, seed=3)[:, 0, 0], samples[:2], rtol=1e-6)


def test_shift_and_scale_are_stored(data, tmp_path):
    model, other = vector_model(data), vector_model(data[:50] + 7)
    tf.train.Checkpoint(model=model).write(str(tmp_path / 'model'))
    tf.train.Checkpoint(model=other).read(str(tmp_path / 'model')).assert_consumed()
    np.testing.assert_allclose(other.values.shift, data.mean(axis=0), rtol=1e-6)
    np.testing.assert_array_equal(
        tfwolf.log_likelihood(other, data), tfwolf.log_likelihood(model, data)
    )


def test_results_are_in_nats_and_name_no_bits(data):
    model = vector_model(data)
    split = tfwolf.ArraySplit(
        lambda: (data[:, None, None].astype(np.float32), None), 400, (1, 1, 3), None, 'float32'
    )
    result = evaluate_likelihood(model, split, 128, 1, 0, tf.distribute.get_strategy())
    assert kind_of_bound(model) == {'dequantization': 'none'}
    assert not [name for name in result if 'bits' in name or 'dequantization_nats' in name]
    mean = tfwolf.log_likelihood(model, data).mean()
    np.testing.assert_allclose([result['nll_nats'], 3 * result['nats_per_dim']], -mean, rtol=1e-5)
    low, high = result['nll_nats_interval_95']
    assert low < result['nll_nats'] < high
    text = as_text({**result, 'entropy_nats': 1.25})
    assert 'bits' not in text and 'nats/dim' in text and '1.2500' in text


def test_bits_and_wrong_parts_are_refused(data):
    model = vector_model(data)
    noise = model.draw_noise(2, tf.constant([0, 0]))
    with pytest.raises(ValueError, match='in nats'):
        model.bits_per_dim(data[:2, None, None].astype(np.float32), noise)
    with pytest.raises(ValueError, match='`dequantizer` must not be set'):
        vector_model(data, dequantizer=functools.partial(tfwolf.FlowDequantizer))
    with pytest.raises(ValueError, match='`condition` must be None'):
        vector_model(data, condition=tfwolf.Grey)
    with pytest.raises(ValueError, match='channel 1 .*has mean 5'):
        vector_model(np.stack([data[:, 0], np.full(400, 5.0)], axis=-1))
    with pytest.raises(ValueError, match=r'must be \[n, 3\]'):
        tfwolf.log_likelihood(model, data[:, :2])
    with pytest.raises(ValueError, match='float32'):
        model.terms(np.zeros([2, 1, 1, 3], np.uint8), noise)
