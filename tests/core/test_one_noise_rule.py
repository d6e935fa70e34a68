"""The library, exported models and the explorer draw the same noise for the same seed."""

import numpy as np
import pytest
import tensorflow as tf

from support.small_explorer import as_image, as_text
from support.small_models import SHAPE, random_images, small_class_model, small_wolf
from tfwolf.analysis.coder import Coder
from tfwolf.analysis.compression import compress
from tfwolf.analysis.interpolation import interpolation_grid, switched
from tfwolf.analysis.sampling import draw_samples
from tfwolf.core import image_noise
from tfwolf.core.freeze import freeze
from tfwolf.core.variables import named_variables
from tfwolf.explorer.actions import Actions
from tfwolf.explorer.description import describe
from tfwolf.models.generation import sample_labels
from tfwolf.serving.c_api import Servable
from tfwolf.serving.examples import example_inputs
from tfwolf.serving.saved_model import write_saved_model
from tfwolf.serving.signatures import Signatures

SEED, COUNT = 11, 7


def check_pixels(found, expected):
    """Check that images are equal, except for the rounding of compiled graphs.

    One of a thousand color values may differ by one level.
    """
    found, expected = np.asarray(found).astype(int), np.asarray(expected).astype(int)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1 and np.mean(found != expected) <= 1e-3


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """Return (model, its export, the explorer's actions on it)."""
    model = small_wolf(images=random_images(32))
    random = np.random.default_rng(1)
    for path, variable in named_variables(model):
        if variable.trainable:
            variable.assign_add(0.03 * random.standard_normal(variable.shape))
        # Couplings start as the identity, so z would not change any pixel.
        if path[-1].endswith('condition_kernel'):
            variable.assign(10 * variable)
        elif path[-1].endswith('output_length'):
            variable.assign_add(tf.fill(variable.shape, 0.1))
    freeze(model)
    folder = tmp_path_factory.mktemp('one_rule') / '1'
    write_saved_model(Signatures(model), str(folder))
    servable = Servable(folder)
    return model, servable, Actions(servable, describe(servable.signatures), 'a model')


def test_one_seed_gives_the_same_images_everywhere(made):
    model, servable, actions = made
    expected = model.sample(COUNT, SEED, 0.7, 0.9).numpy()
    assert len(np.unique(expected.reshape(COUNT, -1), axis=0)) == COUNT
    check_pixels(
        tf.function(lambda seed: model.sample(COUNT, seed, 0.7, 0.9), autograph=False)(
            tf.constant(SEED)
        ),
        expected,
    )
    for batch_size in (1, 3, 16):
        decoded = draw_samples(Coder(model, batch_size), COUNT, SEED, 0.7, 0.9)
        assert decoded.finite.all()
        check_pixels(decoded.images, expected)
    inputs = {
        'seeds': np.array([[SEED, index] for index in range(COUNT)]),
        'temperature_v': np.full(COUNT, 0.7, np.float32),
        'temperature_z': np.full(COUNT, 0.9, np.float32),
    }
    check_pixels(servable('sample', inputs)['images'], expected)
    answer = actions.sample(
        {'count': COUNT, 'seed': SEED, 'temperature_v': 0.7, 'temperature_z': 0.9}
    )
    check_pixels([as_image(text) for text in answer['images']], expected)


def test_an_image_does_not_depend_on_the_others(made):
    model = made[0]
    seven = model.sample(7, SEED).numpy()
    check_pixels(model.sample(3, SEED), seven[:3])
    for first in (2, 6):
        check_pixels(model.sample(1, SEED, first=first), seven[first : first + 1])
    images = random_images(7)
    drawn = model.reconstruct(images, seed=SEED).numpy()
    assert (drawn != images).any(axis=(1, 2, 3)).all()
    check_pixels(model.reconstruct(images[:3], seed=SEED), drawn[:3])
    coder = Coder(model, 4)
    code = coder.encode(images)
    check_pixels(compress(coder, code[:3], SEED).images, compress(coder, code, SEED).images[:, :3])
    pictures, few = (
        example_inputs(model, Signatures(model), count, SEED)['encode']['images']
        for count in (3, 2)
    )
    check_pixels(few, pictures[:2])


def test_labels_are_drawn_by_the_same_rule():
    model = small_class_model()
    labels = sample_labels(model.latent, image_noise.image_seeds(SEED, 12)).numpy()
    assert set(labels) == {0, 1, 2}
    expected = model.sample(12, SEED).numpy()
    np.testing.assert_array_equal(model.sample(12, SEED, labels=labels), expected)
    assert (
        (model.sample(12, SEED, labels=(labels + 1) % 3).numpy() != expected)
        .any(axis=(1, 2, 3))
        .all()
    )
    check_pixels(model.sample(5, SEED, first=4), expected[4:9])
    check_pixels(Coder(model, 5).sample(12, SEED).images, expected)
    inputs = {
        'seeds': image_noise.image_seeds(SEED, 12),
        'temperature_v': np.ones(12, np.float32),
        'labels': labels,
    }
    check_pixels(Signatures(model).all['sample'](inputs)['images'], expected)


def test_switch_is_the_same_on_the_model_in_batches_and_served(made):
    model, servable, _ = made
    a, b = random_images(4, seed=4), random_images(4, seed=5)
    expected = [side.numpy() for side in model.switch(a, b)]
    assert (expected[0] != b).any() and (expected[1] != a).any()
    coder = Coder(model, 3)
    for found, side in zip(switched(coder, coder.encode(a), coder.encode(b)), expected):
        check_pixels(found.images, side)
    served = servable('switch', {'images_a': a, 'images_b': b})
    check_pixels(served['z_of_a_v_of_b'], expected[0])
    check_pixels(served['z_of_b_v_of_a'], expected[1])


def test_interpolation_is_the_same_everywhere_and_its_corners_are_exact(made):
    model, servable, actions = made
    a, b = random_images(3, seed=6), random_images(3, seed=7)
    alphas, betas = np.float32([0, 0.25, 1]), np.float32([0, 0.5, 0.75, 1])
    grid = model.interpolate(a, b, alphas, betas).numpy()
    assert grid.shape == (3, 3, 4, *SHAPE)
    z_of_a, z_of_b = model.switch(a, b)
    for found, expected in (
        (grid[:, 0, 0], a),
        (grid[:, -1, -1], b),
        (grid[:, 0, -1], z_of_a),
        (grid[:, -1, 0], z_of_b),
    ):
        np.testing.assert_array_equal(found, expected)
    (z_a, v_a), (z_b, v_b) = model.encode(a), model.encode(b)
    check_pixels(grid[:, 1, 2], model.decode(0.75 * z_a + 0.25 * z_b, 0.25 * v_a + 0.75 * v_b))
    each = model.interpolate(
        a, b, np.tile(alphas, (3, 1)), np.stack([betas, betas[::-1], betas])
    ).numpy()
    check_pixels(each, np.stack([grid[0], grid[1, :, ::-1], grid[2]]))
    check_pixels(model.interpolate(a[0], b[0], alphas, betas), grid[0])
    coder = Coder(model, 5)
    check_pixels(
        interpolation_grid(coder, coder.encode(a[:1]), coder.encode(b[:1]), alphas, betas).images,
        grid[0],
    )
    served = servable(
        'interpolate',
        {
            'images_a': a,
            'images_b': b,
            'alphas': np.tile(alphas, (3, 1)),
            'betas': np.tile(betas, (3, 1)),
        },
    )
    check_pixels(served['images'], grid)
    answer = actions.interpolate(
        {'a': as_text(a[0]), 'b': as_text(b[0]), 'alphas': alphas.tolist(), 'betas': betas.tolist()}
    )
    check_pixels([[as_image(text) for text in row] for row in answer['images']], grid[0])
    with pytest.raises(ValueError, match='`alphas` must be numbers; got None'):
        model.interpolate(a, b, None, betas)
