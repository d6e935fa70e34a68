"""Steps of Langevin and MAP against Gaussians that are known, and images with known pixels."""

import numpy as np
import pytest
import tensorflow as tf

from support.small_models import random_images, small_class_model, small_wolf
from tfwolf.analysis import langevin
from tfwolf.analysis.inpainting import Inpainter
from tfwolf.analysis.known_pixels import filled
from tfwolf.analysis.langevin import Point

SHAPE = (8, 8, 3)
IMAGES = random_images(3)


def of_left_half(shape=SHAPE):
    known = np.zeros(shape[:2], bool)
    known[:, : shape[1] // 2] = True
    return known


def test_langevin_draws_from_the_posterior():
    """Of v ~ N(0, I) in two dimensions given the noisy sum 2 v_1 - v_2 = 1.5."""
    map_, std, chains = np.array([[2.0], [-1.0]]), 0.5, 4000
    precision = np.eye(2) + map_ @ map_.T / std**2
    mean = np.linalg.solve(precision, map_[:, 0] * 1.5 / std**2)
    random = np.random.default_rng(0)

    def point_at(v):
        difference = v @ map_ - 1.5
        gradient = 2 * difference @ map_.T
        return Point((v,), tf.reduce_sum(difference**2, 1), (gradient,))

    point = point_at(tf.constant(random.standard_normal([chains, 2])))
    size, shares = tf.fill([chains], tf.constant(0.5, tf.float64)), []
    sensitivities = (tf.constant(map_.T**2),)
    std = tf.constant(std, tf.float64)
    for _ in range(300):
        noise = [tf.constant(random.standard_normal([chains, 2]))]
        draw = tf.constant(random.uniform(size=chains))
        sizes = langevin.step_sizes(size, sensitivities, std)
        new = point_at(langevin.proposed(point, sizes, std, noise)[0])
        moved = langevin.accepted(point, new, sizes, std, draw)
        point = langevin.chosen(moved, new, point)
        shares.append(tf.reduce_mean(tf.cast(moved, tf.float64)))
    v = point.parts[0].numpy()
    covariance = np.linalg.inv(precision)
    errors = np.sqrt(np.diag(covariance) / chains)
    assert np.all(np.abs(v.mean(0) - mean) < 4 * errors)
    np.testing.assert_allclose(np.cov(v.T), covariance, atol=0.05)
    assert 0.3 < np.mean(shares) < 1


@pytest.mark.parametrize('samples, share', [(True, 0.57), (False, 0.5)])
def test_step_sizes_settle_at_a_share_of_accepted_steps(samples, share):
    size, random = tf.ones([1], tf.float64), np.random.default_rng(1)
    sizes = []
    for _ in range(2000):
        # Steps of size s are accepted with probability exp(-s).
        moved = tf.constant(random.uniform(size=1)) < tf.exp(-size)
        size = langevin.adapted(size, moved, samples)
        sizes.append(float(size[0]))
    np.testing.assert_allclose(np.exp(-np.mean(sizes[500:])), share, atol=0.05)


def test_a_point_that_is_not_finite_is_never_accepted():
    old = Point((tf.zeros([2, 1]),), tf.constant([1.0, 1.0]), (tf.zeros([2, 1]),))
    new = Point((tf.zeros([2, 1]),), tf.constant([np.nan, np.inf]), (tf.zeros([2, 1]),))
    one = tf.ones([2])
    for draw in (None, 1e-9 * one):
        assert not langevin.accepted(old, new, [one[:, None]], tf.constant(1.0), draw).numpy().any()


def linear_model():
    """Returns a model whose couplings are the identity, so that x is an affine function of v."""
    return small_wolf(tf.float64, latent=None, images=random_images(64))


def conditional_mean(model, image, known):
    """Returns E[x | known pixels], in units of colors, from the affine map of the model."""

    def decode(v):
        return model.flow.inverse_and_log_det(tf.constant(v), None)[0].numpy()

    size = np.prod(SHAPE)
    mean = decode(np.zeros([1, *SHAPE]))[0].reshape(-1)
    factor = (decode(np.eye(size).reshape(-1, *SHAPE)).reshape(size, -1) - mean).T
    covariance = factor @ factor.T
    given = np.broadcast_to(known[..., np.newaxis], SHAPE).reshape(-1)
    target = model.bin_centers(image[np.newaxis]).numpy().reshape(-1)
    gain = covariance[:, given] @ np.linalg.inv(covariance[np.ix_(given, given)])
    x = mean + gain @ (target - mean)[given]
    return (x.reshape(SHAPE) + 1) * 128 - 0.5


def test_map_of_an_affine_flow_is_the_conditional_mean():
    model, known = linear_model(), of_left_half()
    found = Inpainter(model, num_steps=400, samples=False)(IMAGES, known)
    for image, own in zip(found.images, IMAGES):
        expected = np.clip(conditional_mean(model, own, known), 0, 255)
        np.testing.assert_allclose(image[:, 4:], expected[:, 4:], atol=6)
    assert found.error.max() < 3 and found.finite.all()


@pytest.mark.parametrize('samples', [True, pytest.param(False, marks=pytest.mark.slow)])
def test_known_pixels_are_kept_exactly_and_unknown_ones_are_not_read(samples):
    model = small_wolf(images=random_images(32))
    paint, known = Inpainter(model, num_steps=5, samples=samples), of_left_half()
    found = paint(IMAGES, known, seed=3)
    np.testing.assert_array_equal(found.images[:, known], IMAGES[:, known])
    other = np.where(known[..., np.newaxis], IMAGES, 255 - IMAGES)
    np.testing.assert_array_equal(paint(other, known, seed=3).images, found.images)
    again = paint(IMAGES, np.stack([known] * 3), seed=4)
    assert np.any(again.images != found.images) == samples


@pytest.mark.slow
def test_noisy_pixels_are_restored():
    """Of an affine flow: closer to the images than the noisy ones."""
    model = linear_model()
    images = model.sample(3, seed=1).numpy()
    noise = np.random.default_rng(0).normal(0, 20, images.shape)
    noisy = np.clip(np.rint(images + noise), 0, 255).astype(np.uint8)
    known = np.ones(SHAPE[:2], bool)
    found = Inpainter(model, num_steps=200, samples=False)(noisy, known, noise_std=20.0)

    def error(other):
        return np.sqrt(np.mean((other.astype(float) - images) ** 2))

    assert error(found.images) < 0.9 * error(noisy)


def test_filled_has_the_mean_of_the_known_pixels():
    images = np.arange(2 * 2 * 2, dtype=np.uint8).reshape(2, 2, 2, 1)
    known = np.array([[[True, False], [True, False]], [[False, False], [False, False]]])
    found = filled(images, known[..., np.newaxis])
    assert found[..., 0].tolist() == [[[0, 1], [2, 1]], [[128, 128], [128, 128]]]


@pytest.mark.parametrize(
    'known, changes, message',
    [
        (np.ones((8, 4), bool), {}, r'`known` must be bool \[8, 8\]'),
        (np.ones((8, 8)), {}, 'got float64'),
        (np.ones((8, 8), bool), {'noise_std': -1.0}, '`noise_std` must be at least 0'),
    ],
)
def test_invalid_arguments_are_rejected(known, changes, message):
    paint = Inpainter(small_wolf(images=random_images(32)), num_steps=1)
    with pytest.raises(ValueError, match=message):
        paint(IMAGES, known, **changes)


def test_models_of_class_labels_are_refused():
    with pytest.raises(ValueError, match='z does not come from class labels'):
        Inpainter(small_class_model())
