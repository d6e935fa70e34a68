"""A learned dequantizer: its density, its place in the bound, training, and what results say."""

import functools
import math

import numpy as np
import pytest
import tensorflow as tf

from support.bijector_checks import move_weights
from support.small_models import (
    SHAPE,
    dequantizing_wolf,
    random_images,
    small_dequantizer,
    small_wolf,
)
from support.training_steps import (
    IMAGES,
    assert_equal_trainings,
    make_run,
    take_steps,
    weights,
)
from tfwolf.core import seeds
from tfwolf.core.image_noise import V, Z, normal_per_image, seeds_of_images
from tfwolf.core.variables import named_variables
from tfwolf.data.array_split import ArraySplit
from tfwolf.evaluation.likelihood import evaluate_likelihood
from tfwolf.flows.glow import Glow
from tfwolf.flows.macow import MaCow
from tfwolf.flows.refined_glow import RefinedGlow
from tfwolf.models.dequantizer import FlowDequantizer, UniformDequantizer
from tfwolf.models.initialization import initialize
from tfwolf.models.terms import Noise
from tfwolf.serving.model_functions import ModelFunctions
from tfwolf.training.strategy import make_strategy


@pytest.mark.parametrize('kind', [RefinedGlow, pytest.param(MaCow, marks=pytest.mark.slow)])
def test_the_density_of_u_is_that_of_the_change_of_variables(kind):
    """Against the determinant of the Jacobian that automatic differentiation gives."""
    shape = (2, 2, 3)
    made = small_dequantizer(kind)(image_shape=shape, seed=0, dtype=tf.float64)
    move_weights(made, 0.2)
    random = np.random.default_rng(0)
    features = made.features(tf.constant(random.uniform(-1, 1, (2, *shape))))
    epsilon = tf.constant(random.standard_normal((2, *shape)))
    u, log_prob = made.draw(features, epsilon)
    assert u.shape == epsilon.shape and 0 < u.numpy().min() and u.numpy().max() < 1
    size = math.prod(shape)
    for index in range(2):
        one = epsilon[index : index + 1]
        with tf.GradientTape() as tape:
            tape.watch(one)
            flat = tf.reshape(made.draw(features[index : index + 1], one).u, [-1])
        jacobian = tf.reshape(tape.jacobian(flat, one), [size, size]).numpy()
        base = -0.5 * float(tf.reduce_sum(one**2)) - size / 2 * math.log(2 * math.pi)
        expected = base - np.linalg.slogdet(jacobian)[1]
        assert float(log_prob[index]) == pytest.approx(expected, abs=1e-9)


def test_extreme_noise_has_a_finite_density():
    made = small_dequantizer()(image_shape=SHAPE, seed=0, dtype=tf.float32)
    epsilon = tf.constant(np.linspace(-60, 60, 192, dtype=np.float32).reshape(1, *SHAPE))
    u, log_prob = made.draw(made.features(tf.zeros([1, *SHAPE])), epsilon)
    assert np.isfinite(log_prob).all() and np.isfinite(u).all()


def test_uniform_noise_has_density_one():
    made = UniformDequantizer(SHAPE)
    noise = made.noise((3, *SHAPE), tf.constant([0, 1]), tf.float32)
    u, log_prob = made.draw(made.features(noise), noise)
    assert u is noise and not log_prob.numpy().any() and log_prob.shape == (3,)
    assert made.kind == 'uniform' and not named_variables(made)


def test_the_bound_adds_the_density_of_the_noise():
    images = random_images(6)
    model = dequantizing_wolf(tf.float64, random_images(32))
    noise = model.draw_noise(6, seeds.tensor_seed(0, 'test'))
    terms = model.terms(images, noise)
    drawn = model.dequantizer.draw(
        model.dequantizer.features(model.encoder_input(images)), noise.dequantization
    )
    np.testing.assert_array_equal(terms.dequantizer_nats, drawn.log_prob_nats)
    x = (images + drawn.u.numpy()) / 128 - 1
    np.testing.assert_allclose(model.flow_input(images, noise), x, atol=1e-12)
    z = model.infer(images, noise).z
    v, log_det = model.flow.forward_and_log_det(tf.constant(x), z)
    log_prob = -0.5 * np.sum(v.numpy() ** 2 + math.log(2 * math.pi), axis=(1, 2, 3)) + log_det
    nll = -log_prob + terms.kl_nats + drawn.log_prob_nats + 192 * math.log(128)
    np.testing.assert_allclose(terms.nll_nats, nll, rtol=1e-12)
    # Encoding uses the centers of the bins, so it does not depend on the dequantizer.
    np.testing.assert_array_equal(model.decode(*model.encode(images)), images)


def test_initialization_starts_with_a_noise_that_does_not_depend_on_the_image():
    model = dequantizing_wolf(tf.float64)
    initialize(model, random_images(32), 0)
    epsilon = model.draw_noise(2, seeds.tensor_seed(0, 'e')).dequantization[:1]
    first, second = (
        model.dequantizer.draw(
            model.dequantizer.features(model.encoder_input(random_images(1, seed=seed))), epsilon
        )
        for seed in (1, 2)
    )
    np.testing.assert_array_equal(first.u, second.u)
    # Actnorms standardize the noise, so that t is close to a standard normal.
    many = model.draw_noise(64, seeds.tensor_seed(1, 'e')).dequantization
    features = model.dequantizer.features(model.encoder_input(random_images(64)))
    t = model.dequantizer.flow.forward_and_log_det(many, features)[0].numpy()
    assert abs(t.mean()) < 0.1 and t.std() == pytest.approx(1, abs=0.1)


def test_training_moves_every_weight():
    strategy = make_strategy('one_device')
    wolf, _, step = make_run(strategy, make=dequantizing_wolf)
    initialize(wolf, IMAGES[:32], seed=1)
    before = weights(wolf)
    metrics = take_steps(strategy, step, 0, 3)
    after = weights(wolf)
    for path, value in before.items():
        if path != ('initialized',):
            assert np.abs(after[path] - value).max() > 0, path
    for found in metrics:
        total = sum(
            found[f'{name}_nats']
            for name in ('reconstruction', 'kl', 'dequantization', 'dequantizer')
        )
        assert found['nll_nats'] == pytest.approx(total, rel=1e-6)
        assert found['dequantizer_bits_per_dim'] == pytest.approx(
            found['dequantizer_nats'] / (192 * math.log(2)), rel=1e-5
        )


def metrics_and_weights(**arguments):
    """Return the metrics of three steps, and the weights after them."""
    strategy = make_strategy('one_device')
    wolf, _, step = make_run(
        strategy, tf.float64, make=dequantizing_wolf, clip_norm=100.0, **arguments
    )
    initialize(wolf, IMAGES[:32], seed=1)
    return take_steps(strategy, step, 0, 3), weights(wolf)


@pytest.fixture(scope='module')
def of_the_whole_batch():
    return metrics_and_weights()


@pytest.mark.slow
@pytest.mark.parametrize('memory', ['store', 'recompute', 'reversible'])
def test_gradients_are_those_of_the_whole_bound(of_the_whole_batch, memory):
    """In two parts and with less memory: as a tape over everything gives them."""
    found = metrics_and_weights(gradient_memory=memory, accumulation_steps=2)
    assert_equal_trainings(found, of_the_whole_batch, metrics_rtol=1e-8)


def test_results_say_which_dequantization():
    strategy = make_strategy('one_device')
    split = ArraySplit(lambda: (random_images(10), None), 10, SHAPE)
    for model, kind in (
        (dequantizing_wolf(tf.float32, random_images(32)), 'variational'),
        (small_wolf(images=random_images(32)), 'uniform'),
    ):
        result = evaluate_likelihood(model, split, 4, 3, 0, strategy)
        assert result['dequantization'] == kind
        assert (result['dequantizer_nats'] != 0) == (kind == 'variational')
        assert result['bits_per_dim_iwae'] < result['bits_per_dim']
        total = sum(
            result[f'{name}_nats']
            for name in ('reconstruction', 'kl', 'dequantization', 'dequantizer')
        )
        assert result['nll_nats'] == pytest.approx(total, rel=1e-9)


def test_a_flow_without_image_condition_is_refused():
    glow = functools.partial(Glow, num_levels=1, num_steps=1, hidden_channels=4)
    with pytest.raises(ValueError, match='`flow` must accept `condition_channels`'):
        FlowDequantizer(SHAPE, small_dequantizer().keywords['encoder'], glow)


def test_noise_of_an_image_has_the_distribution_of_the_dequantizer():
    """Served bounds of a learned dequantizer need normal noise, those of a uniform one uniform."""
    image_seeds = tf.stack([tf.range(64, dtype=tf.int64)] * 2, axis=1)
    uniform = small_wolf().dequantizer.noise_per_image(SHAPE, image_seeds, tf.float32).numpy()
    normal = dequantizing_wolf().dequantizer.noise_per_image(SHAPE, image_seeds, tf.float32).numpy()
    assert uniform.min() > 0 and uniform.max() < 1 and abs(uniform.std() - 12**-0.5) < 0.01
    assert abs(normal.mean()) < 0.03 and abs(normal.std() - 1) < 0.03
    assert normal.shape == uniform.shape == (64, *SHAPE)
    # An image's own seeds decide, not its place in the batch.
    again = dequantizing_wolf().dequantizer.noise_per_image(SHAPE, image_seeds[5:6], tf.float32)
    np.testing.assert_array_equal(again[0], normal[5])


def test_served_bits_per_dim_use_the_noise_of_the_dequantizer():
    images = random_images(6)
    model = dequantizing_wolf(images=random_images(24))
    image_seeds = seeds_of_images(tf.constant(images))
    noise = Noise(
        normal_per_image(SHAPE, image_seeds, V),
        normal_per_image([model.latent.noise_dim], image_seeds, Z),
    )
    np.testing.assert_allclose(
        ModelFunctions(model).bits_per_dim(tf.constant(images)),
        model.bits_per_dim(images, noise),
        rtol=1e-6,
    )
