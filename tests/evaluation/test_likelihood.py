"""Bits per dimension against closed forms, and independence of the batch size."""

import math

import numpy as np
import pytest
import tensorflow as tf

from support.small_models import random_images, small_wolf
from tfwolf.bijectors.base import FlowBijector
from tfwolf.data.array_split import ArraySplit
from tfwolf.distributions.bits import bits_per_dim, dequantization_nats, standard_normal_log_prob
from tfwolf.evaluation.likelihood import evaluate_likelihood
from tfwolf.models.no_latent import NoLatent
from tfwolf.models.wolf import Wolf
from tfwolf.training.strategy import make_strategy


@pytest.mark.parametrize('num_bits', range(1, 9))
def test_a_uniform_density_costs_all_bits(num_bits):
    """p(x) = 2^-D on [-1, 1]^D is num_bits per dimension, exactly."""
    num_dims = 12
    nll = num_dims * math.log(2.0) + dequantization_nats(num_dims, num_bits)
    assert bits_per_dim(nll, num_dims) == pytest.approx(num_bits, rel=1e-14)


class NormalScores(FlowBijector):
    """v = Phi^-1((x + 1) / 2), element by element: under it x is uniform in [-1, 1]."""

    def __init__(self, image_shape, condition_dim, seed, dtype):
        super().__init__(event_ndims=3, dtype=dtype, name='normal_scores')

    def forward_and_log_det(self, x, condition=None):
        """Return v and log|det dv/dx| = -sum log(2 N(v))."""
        v = tf.math.ndtri((x + 1) / 2)
        return v, -standard_normal_log_prob(v) - math.log(2.0) * math.prod(x.shape[1:])


@pytest.mark.parametrize('num_bits', [8, 5])
def test_a_model_of_uniform_density_costs_all_bits(num_bits):
    model = Wolf((8, 8, 3), num_bits, flow=NormalScores, latent=NoLatent, dtype=tf.float64)
    model.initialized.assign(True)
    images = random_images(10)
    result = evaluate_likelihood(
        model,
        ArraySplit(lambda: (images, None), 10, images.shape[1:]),
        4,
        3,
        0,
        make_strategy('one_device'),
    )
    assert result['bits_per_dim'] == pytest.approx(num_bits, abs=1e-12)
    assert result['bits_per_dim_iwae'] == pytest.approx(num_bits, abs=1e-12)
    assert result['num_not_finite'] == 0 and result['bits_per_dim_interval_95'] == pytest.approx(
        [num_bits] * 2, abs=1e-12
    )


def test_standard_normal():
    v = tf.constant([[[[0.0, 1.0]]], [[[2.0, 0.0]]]], tf.float64)
    expected = [-math.log(2 * math.pi) - 0.5, -math.log(2 * math.pi) - 2]
    np.testing.assert_allclose(standard_normal_log_prob(v), expected, rtol=1e-14)


def test_every_image_counts_once_for_every_batch_size():
    """The mean over 13 images does not depend on the padding of the last batch, up to noise."""
    images = random_images(13)
    model = small_wolf(images=random_images(64))
    split = ArraySplit(lambda: (images, None), 13, images.shape[1:])
    strategy = make_strategy('one_device')
    results = [
        evaluate_likelihood(model, split, batch_size, 8, 0, strategy) for batch_size in (4, 13)
    ]
    assert [result['num_images'] for result in results] == [13, 13]
    assert results[0]['bits_per_dim'] == pytest.approx(results[1]['bits_per_dim'], abs=0.02)
    for result in results:
        assert result['bits_per_dim_iwae'] < result['bits_per_dim']
    assert results[0] == evaluate_likelihood(model, split, 4, 8, 0, strategy)
    with pytest.raises(ValueError, match='num_samples'):
        evaluate_likelihood(model, split, 4, 0, 0, strategy)
