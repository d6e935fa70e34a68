"""Pictures of a model with a condition, and what its analyses keep or refuse."""

import numpy as np
import pytest

import tfwolf
from support.bijector_checks import move_weights
from support.small_models import SHAPE, random_images, small_wolf
from tfwolf.analysis import previews
from tfwolf.analysis.coder import Coder
from tfwolf.analysis.compression import compress
from tfwolf.analysis.conditional_samples import (
    conditional_picture,
    conditions_of,
    enlarged,
    repeated,
)
from tfwolf.analysis.extrapolation import larger_samples
from tfwolf.analysis.interpolation import interpolation_grid
from tfwolf.analysis.manifold import manifold
from tfwolf.analysis.reconstruction import reconstruct
from tfwolf.pictures.grids import captioned, image_grid

IMAGES = random_images(32)


@pytest.fixture(scope='module')
def model():
    model = small_wolf(images=IMAGES, condition=tfwolf.LowResolution)
    move_weights(model.flow, 0.05)
    return model


def test_conditions_are_enlarged_by_repeated_pixels():
    reduced = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3)
    shown = enlarged(reduced, SHAPE)
    assert shown.shape == (1, *SHAPE)
    np.testing.assert_array_equal(shown, reduced.repeat(4, axis=1).repeat(4, axis=2))
    grey = enlarged(np.full([1, 8, 8, 1], 7, np.uint8), SHAPE)
    assert grey.shape == (1, *SHAPE) and (grey == 7).all()


def test_conditions_are_taken_in_turn(model):
    given = model.condition_of(IMAGES[:3]).numpy()
    np.testing.assert_array_equal(repeated(given, 5), given[[0, 1, 2, 0, 1]])
    np.testing.assert_array_equal(conditions_of(model, IMAGES[:3], 5), given[[0, 1, 2, 0, 1]])
    assert conditions_of(small_wolf(), IMAGES, 5) is None


def test_the_picture_has_conditions_above_and_images_below(model):
    given = model.condition_of(IMAGES[:3])
    samples = model.sample(5, condition=repeated(given, 5)).numpy()
    picture = conditional_picture(given, samples, images=IMAGES[:3])
    white = np.full([1, *SHAPE], 255, np.uint8)
    rows = np.concatenate([enlarged(given, SHAPE), samples, white, IMAGES[:3]])
    names = ['condition', 'sample 1', 'sample 2', 'image']
    np.testing.assert_array_equal(picture, captioned(image_grid(rows, 3), names))


def test_the_preview_of_training_shows_samples_of_each_condition(model):
    found = previews.conditional_grid(model, IMAGES[:3], 7, seed=5)
    assert found[1:] == (6, 0)
    given = model.condition_of(IMAGES[:3])
    samples = model.sample(6, 5, condition=repeated(given, 6)).numpy()
    expected = conditional_picture(given, samples, images=IMAGES[:3])
    np.testing.assert_array_equal(found.picture, expected)
    assert previews.conditional_grid(model, IMAGES, 2, seed=5).num_images == 2


def test_the_condition_goes_with_v_in_the_preview_of_switches(model):
    found = previews.switch_grid(model, IMAGES[:4])
    z_of_a, z_of_b = model.switch(IMAGES[0:4:2], IMAGES[1:4:2])
    table = np.stack([IMAGES[0:4:2], IMAGES[1:4:2], z_of_a, z_of_b], axis=1).reshape(8, *SHAPE)
    grid = image_grid(table.repeat(9, axis=1).repeat(9, axis=2), columns=8)
    expected = captioned(grid, columns=previews.SWITCH_CAPTIONS * 2)
    np.testing.assert_array_equal(found.picture, expected)


def test_analyses_of_one_image_keep_its_condition(model):
    coder, images = Coder(model, 4), IMAGES[:4]
    found = reconstruct(coder, images, num_draws=2, seed=0)
    assert found.num_exact == 4 and found.draws.shape == (4, 2, *SHAPE)
    kept = compress(coder, coder.encode(images))
    np.testing.assert_array_equal(kept.images[0], images)


def test_analyses_between_images_are_refused(model):
    coder = Coder(model, 4)
    code = coder.encode(IMAGES[:4])
    assert code[1:3].condition.shape == (2, 2, 2, 3)
    for refused in (
        lambda: interpolation_grid(coder, code[[0]], code[[1]], [0, 1], [0, 1]),
        lambda: manifold(coder, code, 4),
        lambda: larger_samples(model, 2, 1, seed=0),
    ):
        with pytest.raises(ValueError, match='needs a model without a condition.*LowResolution'):
            refused()
