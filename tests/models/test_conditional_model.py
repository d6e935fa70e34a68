"""Models of p(x|c): encoding, decoding, sampling, gradients, initialization, and misuse."""

import functools

import numpy as np
import pytest
import tensorflow as tf

import tfwolf
from support.bijector_checks import move_weights
from support.small_models import SHAPE, random_images, small_flow_alone, small_wolf
from tfwolf.analysis.coder import Coder
from tfwolf.analysis.interpolation import switched
from tfwolf.core import seeds
from tfwolf.core.parts import Factory
from tfwolf.core.variables import named_variables
from tfwolf.data import preprocess
from tfwolf.evaluation.invertibility import invertibility_report
from tfwolf.evaluation.numerics import non_finite_samples, reconstruction_errors
from tfwolf.flows.glow import Glow
from tfwolf.flows.macow import MaCow
from tfwolf.flows.refined_glow import RefinedGlow
from tfwolf.models.initialization import initialize
from tfwolf.nets.condition import VectorAndImage

IMAGES = random_images(48)


def conditional(condition=tfwolf.LowResolution, images=IMAGES, **arguments):
    """Return an initialized conditional model whose weights are away from where they start."""
    model = small_wolf(images=images, condition=condition, **arguments)
    move_weights(model.flow, 0.05)
    return model


@pytest.fixture(scope='module')
def model():
    return conditional()


@pytest.mark.parametrize(
    'arguments',
    [
        {},
        {'condition': tfwolf.Grey, 'latent': None},
        pytest.param({'flow': MaCow}, marks=pytest.mark.slow),
    ],
    ids=['wolf', 'flow alone', 'macow'],
)
def test_decode_inverts_encode_exactly(arguments):
    model, images = conditional(**arguments), random_images(20, seed=1)
    z, v = model.encode(images)
    given = model.condition_of(images)
    np.testing.assert_array_equal(model.decode(z, v, given), images)
    np.testing.assert_array_equal(model.reconstruct(images), images)
    assert np.any(model.decode(z, v, 255 - given).numpy() != images)
    code = Coder(model, 8).encode(images)
    np.testing.assert_array_equal(code.condition, given)
    np.testing.assert_array_equal(Coder(model, 8).decode(*code).images, images)
    assert reconstruction_errors(model, images)['num_not_exact'] == 0


def test_the_condition_is_that_of_the_images_at_the_number_of_bits():
    model, images = conditional(num_bits=3), random_images(20, seed=2)
    shown = preprocess.at_num_bits(images, 3)
    given = model.condition_of(images)
    np.testing.assert_array_equal(given, model.condition.reduce(shown))
    decoded = model.decode(*model.encode(images), given)
    np.testing.assert_array_equal(decoded, shown)
    np.testing.assert_array_equal(model.condition_of(decoded), given)


def test_terms_are_those_of_the_flow_given_both(model):
    images = random_images(5, seed=3)
    noise = model.draw_noise(5, seeds.tensor_seed(0, 'test'))
    inference = model.infer(images, noise)
    embedded = model.condition.embed(model.condition_of(images), tf.float32)
    assert isinstance(inference.condition, VectorAndImage)
    np.testing.assert_array_equal(inference.condition.image, embedded)
    assert [id(part) for part in inference.trained] == [id(inference.z)]
    v, log_det = model.flow.forward_and_log_det(
        model.flow_input(images, noise), VectorAndImage(inference.z, embedded)
    )
    terms = model.terms(images, noise)
    np.testing.assert_allclose(
        terms.reconstruction_nats,
        tf.reduce_sum(v**2 + np.log(2 * np.pi), [1, 2, 3]) / 2 - log_det,
        rtol=1e-5,
    )


def test_z_does_not_depend_on_the_condition(model):
    """Encoder and prior are those of the model without a condition."""
    plain = small_wolf(images=IMAGES)
    np.testing.assert_array_equal(model.encode(IMAGES)[0], plain.encode(IMAGES)[0])
    of_latent = [path for path, _ in named_variables(plain.latent)]
    assert of_latent == [path for path, _ in named_variables(model.latent)]


def test_samples_depend_on_the_condition(model):
    given = model.condition_of(IMAGES[:4]).numpy()
    samples = model.sample(4, seed=3, condition=given).numpy()
    assert samples.shape == (4, *SHAPE)
    np.testing.assert_array_equal(samples, model.sample(4, 3, condition=given))
    assert np.any(samples != model.sample(4, 3, condition=given[::-1].copy()).numpy())
    np.testing.assert_array_equal(
        samples[2:], model.sample(2, 3, first=2, condition=given[2:]).numpy()
    )
    drawn = Coder(model, 3).sample(4, 3, condition=given)
    assert np.abs(drawn.images.astype(int) - samples).max() <= 1 and drawn.finite.all()
    shares = non_finite_samples(model, 6, 0, IMAGES[:4])
    assert set(shares.values()) == {0.0}


def test_the_condition_goes_with_v_in_a_switch(model):
    a, b = IMAGES[:4], IMAGES[4:8]
    for side in model.switch(a, a):
        np.testing.assert_array_equal(side, a)
    z_of_a, z_of_b = model.switch(a, b)
    expected = model.decode(model.encode(a)[0], model.encode(b)[1], model.condition_of(b))
    np.testing.assert_array_equal(z_of_a, expected)
    coder = Coder(model, 4)
    found = switched(coder, coder.encode(a), coder.encode(b))
    assert all(
        np.abs(decoded.images.astype(int) - side).max() <= 1
        for decoded, side in zip(found, (z_of_a, z_of_b))
    )


def test_every_variable_gets_a_gradient():
    model = small_wolf(tf.float64, images=IMAGES, condition=tfwolf.LowResolution)
    move_weights(model, 0.05)
    noise = model.draw_noise(8, seeds.tensor_seed(0, 'g'))
    named = [(path, variable) for path, variable in named_variables(model) if variable.trainable]
    assert sum(path[-1].endswith('image_kernel') for path, _ in named) >= 5
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model.terms(IMAGES[:8], noise, training=True).nll_nats)
    for (path, _), gradient in zip(named, tape.gradient(loss, [weight for _, weight in named])):
        assert gradient is not None and np.all(np.isfinite(gradient)) and np.any(gradient), path


def test_chunks_do_not_change_the_initialization():
    whole, chunked = (small_wolf(tf.float64, latent=None, condition=tfwolf.Grey) for _ in range(2))
    initialize(whole, IMAGES, 0)
    initialize(chunked, IMAGES, 0, chunk_size=10)
    for (path, first), (_, second) in zip(named_variables(whole), named_variables(chunked)):
        np.testing.assert_allclose(
            np.asarray(first, np.float64), np.asarray(second, np.float64), atol=1e-9, err_msg=path
        )


def test_layers_are_inverted_with_the_condition(model):
    report = invertibility_report(model, IMAGES[:4], seed=0)
    assert max(row['round_trip_error'] for row in report) < 1e-4


def test_a_model_with_another_flow_keeps_its_condition(model):
    other = model.with_flow(hidden_channels=[5, 8, 8])
    assert other.condition.description == 'LowResolution(factor=4)'
    assert [path for path, _ in named_variables(other)] == [
        path for path, _ in named_variables(model)
    ]


def test_a_model_without_a_condition_is_as_before():
    model = small_wolf(images=IMAGES)
    assert model.condition is None and model.condition_of(IMAGES) is None
    assert not any('image_kernel' in path[-1] for path, _ in named_variables(model))
    noise = model.draw_noise(2, seeds.tensor_seed(0, 'test'))
    inference = model.infer(IMAGES[:2], noise)
    assert inference.condition is inference.z
    with pytest.raises(ValueError, match=r'`condition` must be None .*shape \(2, 2, 2, 3\)'):
        model.sample(2, condition=np.zeros([2, 2, 2, 3], np.uint8))


@pytest.mark.parametrize(
    'call, message',
    [
        (lambda model: model.sample(2), r'`condition` is required: .*LowResolution\(factor=4\)'),
        (lambda model: model.decode(*model.encode(IMAGES)), '`condition` is required'),
        (lambda model: Coder(model, 2).sample(2), '`condition` is required'),
        (
            lambda model: model.sample(2, condition=IMAGES[:2]),
            r'must be uint8 \[batch, 2, 2, 3\].*\(2, 8, 8, 3\)',
        ),
        (
            lambda model: model.sample(3, condition=model.condition_of(IMAGES[:2])),
            'one row per image, 3',
        ),
        (
            lambda model: Coder(model, 2).sample(3, condition=model.condition_of(IMAGES[:2])),
            'one image for each sample, 3; got 2',
        ),
        (
            lambda model: Coder(model, 2).decode(
                *model.encode(IMAGES[:2]), model.condition_of(IMAGES[:3])
            ),
            'same number of images; got 3 and 2',
        ),
        (
            lambda model: model.interpolate(IMAGES[:1], IMAGES[1:2], [0.5], [0.5]),
            'The interpolation needs a model without a condition',
        ),
    ],
)
def test_misuse_is_rejected(model, call, message):
    with pytest.raises(ValueError, match=message):
        call(model)


@pytest.mark.parametrize(
    'flow',
    [
        functools.partial(Glow, num_levels=2),
        Factory(Glow, {'num_levels': 2}),
        functools.partial(Factory(Glow), num_levels=2),
    ],
)
def test_a_flow_that_does_not_accept_a_condition_is_named(flow):
    with pytest.raises(ValueError, match='must accept `condition_channels`.*got Glow'):
        tfwolf.Wolf(SHAPE, 8, flow=flow, latent=tfwolf.NoLatent, condition=tfwolf.Grey)
    assert small_flow_alone('glow').condition is None


def test_a_network_that_does_not_accept_a_condition_is_named():
    flow = functools.partial(
        RefinedGlow,
        num_steps=[0, [1], 1],
        hidden_channels=[4, 4, 4],
        transform=tfwolf.BoundedAffine(1.0),
        net=tfwolf.ResidualCouplingNet,
    )
    with pytest.raises(ValueError, match='`net` must accept `condition_channels`'):
        tfwolf.Wolf(SHAPE, 8, flow=flow, latent=tfwolf.NoLatent, condition=tfwolf.Grey)
