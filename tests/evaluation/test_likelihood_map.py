"""The log-likelihood of an image by pixel: it adds up, and is where it belongs."""

import numpy as np
import pytest
import tensorflow as tf

from support.small_models import (
    SHAPE,
    dequantizing_wolf,
    random_images,
    small_flow_alone,
    small_wolf,
    stirred_wolf,
)
from tfwolf.evaluation.likelihood_map import blocks_in_image, by_pixel, likelihood_map
from tfwolf.evaluation.noisy_pass import NoisyPass
from tfwolf.models.initialization import initialize

IMAGES = random_images(6)


def initialized(model):
    initialize(model, random_images(32), 0)
    return model


MODELS = {
    'wolf': lambda: small_wolf(tf.float64, images=random_images(32)),
    'glow': lambda: initialized(small_flow_alone('glow', tf.float64)),
    'realnvp': lambda: initialized(small_flow_alone('realnvp', tf.float64)),
    'dequantizer': lambda: dequantizing_wolf(tf.float64, images=random_images(32)),
}


@pytest.mark.parametrize('name', MODELS)
def test_shares_add_up_to_the_likelihood_of_the_image(name):
    model = MODELS[name]()
    shares, nll_nats = likelihood_map(model, IMAGES, seed=3, num_draws=2, batch_size=4)
    assert shares.shape == (len(IMAGES), *SHAPE[:2])
    np.testing.assert_allclose(shares.sum(axis=(1, 2)), -nll_nats, rtol=1e-12)
    assert np.ptp(shares, axis=(1, 2)).min() > 0.1


def test_the_bound_is_that_of_a_pass():
    model = stirred_wolf()
    forward = NoisyPass(model, 4)
    shares, nll_nats = forward.by_dimension(IMAGES, 5)
    _, expected = forward(IMAGES, 5)
    np.testing.assert_allclose(nll_nats, expected, rtol=1e-5)
    np.testing.assert_allclose(shares.sum(axis=(1, 2, 3)), -expected, rtol=1e-5)


@pytest.mark.parametrize('name', ['wolf', 'glow', 'realnvp'])
def test_a_dimension_belongs_to_the_pixels_that_it_changes(name):
    """Fresh couplings are the identity: v acts only on the block of pixels from which it came."""
    model = MODELS[name]()
    places, sides = (part.reshape(-1) for part in blocks_in_image(model.flow, SHAPE))
    assert sorted(places) == list(range(places.size))
    assert set(sides) == {'wolf': {2, 4}, 'glow': {2, 4}, 'realnvp': {2}}[name]
    v = np.random.default_rng(0).standard_normal([1, *SHAPE])
    moved = v + 0.1 * np.eye(places.size).reshape(-1, *SHAPE)

    def decode(v):
        z = tf.zeros([len(v), model.latent.dim], tf.float64) if model.latent.has_z else None
        condition = model.flow_condition(z, None)
        return model.flow.inverse_and_log_det(tf.constant(v), condition)[0].numpy()

    change = np.abs(decode(moved) - decode(v)).sum(axis=-1)
    own_row, own_column = (
        index[:, np.newaxis, np.newaxis] // sides[:, np.newaxis, np.newaxis]
        for index in np.unravel_index(places, SHAPE)[:2]
    )
    row, column = (index // sides[:, np.newaxis, np.newaxis] for index in np.indices(SHAPE[:2]))
    inside = (row == own_row) & (column == own_column)
    assert change[~inside].max(initial=0) < 1e-9
    assert (change * inside).max(axis=(1, 2)).min() > 1e-6


def test_a_value_is_spread_over_its_block():
    flow = MODELS['glow']().flow
    places, sides = blocks_in_image(flow, SHAPE)
    values = np.zeros([1, *SHAPE])
    chosen = np.argwhere(sides == 4)[5]
    values[0][tuple(chosen)] = 3.0
    pixels = by_pixel(values, flow, SHAPE)[0]
    row, column = np.unravel_index(places[tuple(chosen)], SHAPE)[:2]
    expected = np.zeros(SHAPE[:2])
    top, left = row // 4 * 4, column // 4 * 4
    expected[top : top + 4, left : left + 4] = 3 / 16
    np.testing.assert_allclose(pixels, expected)


@pytest.mark.parametrize(
    'images, changes, message',
    [(IMAGES[:0], {}, '`images` must have at least one'), (IMAGES, {'num_draws': 0}, 'num_draws')],
)
def test_invalid_arguments_are_rejected(images, changes, message):
    with pytest.raises(ValueError, match=message):
        likelihood_map(small_wolf(images=random_images(32)), images, **changes)
