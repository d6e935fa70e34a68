"""The complete model: decoding, terms, parameter counts, sampling, switching, invalid use."""

import math

import numpy as np
import pytest
import tensorflow as tf

from support.bijector_checks import move_weights
from support.small_models import SHAPE, random_images, small_wolf
from tfwolf.core import seeds
from tfwolf.core.variables import count_parameters, named_variables, trainable_variables
from tfwolf.data import preprocess
from tfwolf.models.initialization import initialize

LATENTS = ('flow', 'normal', None)


@pytest.fixture(scope='module', params=LATENTS)
def model(request):
    model = small_wolf(latent=request.param, images=random_images(64))
    move_weights(model.flow, 0.02)
    return model


def test_decode_inverts_encode_exactly(model):
    images = random_images(50, seed=1)
    z, v = model.encode(images)
    assert v.shape == (50, *SHAPE) and (z is None) == (model.latent.dim == 0)
    np.testing.assert_array_equal(model.decode(z, v), images)
    np.testing.assert_array_equal(model.reconstruct(images), images)


@pytest.mark.parametrize('num_bits', [1, 4, 5, 8])
def test_decode_inverts_encode_at_every_depth(num_bits):
    images = random_images(20, seed=2)
    model = small_wolf(num_bits=num_bits, images=images)
    decoded = model.decode(*model.encode(images)).numpy()
    np.testing.assert_array_equal(
        preprocess.to_bins(decoded, num_bits), preprocess.to_bins(images, num_bits)
    )


def test_terms_add_up_and_follow_from_the_parts():
    model = small_wolf(tf.float64, images=random_images(64))
    move_weights(model, 0.05)
    images = random_images(6, seed=3)
    noise = model.draw_noise(6, seeds.tensor_seed(0, 'test'))
    terms = model.terms(images, noise)
    x0 = images / 256 * 2 - 1
    posterior = model.latent.posterior(tf.constant(x0))
    z = posterior.mean + tf.exp(posterior.log_variance / 2) * noise.posterior
    v, log_det = model.flow.forward_and_log_det(
        tf.constant((images + noise.dequantization.numpy()) / 128 - 1), z
    )
    log_prob = -0.5 * np.sum(v.numpy() ** 2 + math.log(2 * math.pi), (1, 2, 3)) + log_det
    np.testing.assert_allclose(terms.reconstruction_nats, -log_prob, rtol=1e-12)
    np.testing.assert_allclose(terms.dequantization_nats, 192 * math.log(128), rtol=1e-12)
    np.testing.assert_allclose(
        terms.kl_nats, posterior.log_prob(z) - model.latent.prior(z), rtol=1e-12
    )
    total = terms.reconstruction_nats + terms.kl_nats + terms.dequantization_nats
    np.testing.assert_allclose(
        model.bits_per_dim(images, noise), total / (192 * math.log(2)), rtol=1e-12
    )


def test_normal_prior_has_the_closed_form():
    """The mean of log q - log p over many draws approaches the closed form."""
    model = small_wolf(tf.float64, latent='normal', images=random_images(64))
    move_weights(model.latent, 0.3)
    posterior = model.latent.posterior(tf.constant(random_images(1) / 128.0 - 1))
    z = posterior.from_noise(tf.constant(np.random.default_rng(0).standard_normal((200_000, 4))))
    estimate = tf.reduce_mean(posterior.log_prob(z) - model.latent.prior(z))
    np.testing.assert_allclose(model.latent.prior.kl_nats(posterior, z)[0], estimate, rtol=0.02)


def test_posterior_starts_close_to_the_standard_normal():
    images = random_images(64)
    model = small_wolf(images=images)
    posterior = model.latent.encoder(
        preprocess.to_unit_range(images, 8, 0.0, tf.float32), training=True
    )
    for value in posterior:
        np.testing.assert_allclose(np.std(value, axis=0), 0.01, rtol=0.05)
        np.testing.assert_allclose(np.mean(value, axis=0), 0, atol=1e-4)


def test_sampling_is_a_function_of_the_seed(model):
    first = model.sample(3, seed=7)
    assert first.dtype == tf.uint8 and first.shape == (3, *SHAPE)
    np.testing.assert_array_equal(first, model.sample(3, seed=7))
    assert np.any(first.numpy() != model.sample(3, seed=8).numpy())
    cold = model.sample(3, 7, temperature_v=0.0, temperature_z=0.0).numpy()
    np.testing.assert_array_equal(cold[0], cold[1])
    with pytest.raises(ValueError, match='temperature_v'):
        model.sample(3, 7, temperature_v=-1.0)


def test_switch_of_an_image_with_itself_is_the_image():
    model = small_wolf(images=random_images(64))
    move_weights(model.flow, 0.05)
    move_weights(model.latent.encoder, 0.3)
    a, b = random_images(4, seed=4), random_images(4, seed=5)
    for side in model.switch(a, a):
        np.testing.assert_array_equal(side, a)
    z_a, z_b = model.switch(a, b)
    np.testing.assert_array_equal(z_a, model.decode(model.encode(a)[0], model.encode(b)[1]))
    assert np.any(z_b.numpy() != a)
    with pytest.raises(ValueError, match='needs a model with a latent'):
        small_wolf(latent=None, images=a).switch(a, b)


def test_misuse_is_rejected():
    images = random_images(4)
    model = small_wolf()
    with pytest.raises(RuntimeError, match='not been initialized'):
        model.encode(images)
    with pytest.raises(ValueError, match='at least one image'):
        initialize(model, images[:0], 0)
    initialize(model, images, 0)
    with pytest.raises(ValueError, match=r'uint8 \[batch, 8, 8, 3\].*float32'):
        model.encode(images.astype(np.float32))
    with pytest.raises(ValueError, match='got uint8'):
        model.encode(images[:, :4])
    with pytest.raises(ValueError, match='num_bits'):
        small_wolf(num_bits=17)


def test_the_same_variables_are_trained_saved_and_counted(tmp_path):
    """Training, checkpoints and counts use one set of variables, of the size computed by hand."""
    model = small_wolf()
    named = named_variables(model)
    reader = tf.train.load_checkpoint(tf.train.Checkpoint(model=model).write(str(tmp_path / 'all')))
    stored = [
        shape
        for name, shape in reader.get_variable_to_shape_map().items()
        if name.startswith('model/')
    ]
    assert len(stored) == len(named)
    trainable = trainable_variables(model)
    assert (
        len({id(variable) for variable in trainable})
        == len(trainable)
        == len(model.trainable_variables)
    )

    def coupling(kept, moved, hidden):
        return (
            9 * kept * hidden + hidden**2 + 4 * hidden + hidden + 9 * hidden * 2 * moved + 4 * moved
        )

    def step(c, hidden):
        low, high = c // 2, c - c // 2
        ups = 2 * coupling(high, low, hidden) if c % 2 else 2 * coupling(c // 2, c // 2, hidden)
        return 4 * c + c * c + ups + 2 * coupling(high, low, hidden)

    def out(c, leaving, hidden):
        return c * c + coupling(c - leaving, leaving, hidden) + 2 * leaving

    flow = step(3, 4) + 2 * step(12, 8) + out(12, 6, 8) + step(24, 8)

    def block(i, o):
        return 9 * i * o + 9 * o * o + i * o + 6 * o

    encoder = block(3, 6) + block(6, 6) + 6 * 4 + 4 + (4 * 4 * 4) * 8 + 16
    dense = 2 * 8 + 8 + 64 + 8 + 8 * 4 + 8
    prior = 4 * 4 + 16 + 4 * dense
    assert count_parameters(model) == flow + encoder + prior
    assert count_parameters(model.flow) == flow


def test_every_variable_of_the_model_gets_a_gradient():
    model = small_wolf(tf.float64, images=random_images(32))
    move_weights(model, 0.05)
    images = random_images(8)
    named = [(path, variable) for path, variable in named_variables(model) if variable.trainable]
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(
            model.terms(
                images, model.draw_noise(8, seeds.tensor_seed(0, 'g')), training=True
            ).nll_nats
        )
    for (path, _), gradient in zip(named, tape.gradient(loss, [variable for _, variable in named])):
        assert (
            gradient is not None and np.all(np.isfinite(gradient)) and np.max(np.abs(gradient)) > 0
        ), path
