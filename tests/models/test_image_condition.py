"""The parts that compute a condition from images: exact values, shapes, and what they reject."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import tfwolf
from support.small_models import random_images
from tfwolf.models.image_condition import ImageCondition


def test_low_resolution_is_the_mean_rounded_half_up():
    images = np.zeros([1, 4, 4, 1], np.uint8)
    images[0, :2, :2, 0] = [[1, 2], [3, 4]]  # 2.5
    images[0, :2, 2:, 0] = [[0, 0], [0, 1]]  # 0.25
    images[0, 2:, :2, 0] = 255
    images[0, 2:, 2:, 0] = [[10, 11], [11, 11]]  # 10.75
    condition = tfwolf.LowResolution([4, 4, 1], factor=2)
    reduced = condition.reduce(images)
    assert reduced.dtype == tf.uint8 and condition.reduced_shape == (2, 2, 1)
    np.testing.assert_array_equal(reduced[0, :, :, 0], [[3, 0], [255, 11]])
    assert condition.description == 'LowResolution(factor=2)'


@pytest.mark.parametrize('shape, factor', [((8, 8, 3), 4), ((6, 12, 1), 3), ((4, 8, 2), 2)])
def test_low_resolution_of_other_shapes(shape, factor):
    images = np.random.default_rng(0).integers(0, 256, [3, *shape]).astype(np.uint8)
    condition = tfwolf.LowResolution(shape, factor=factor)
    height, width, channels = shape
    blocks = images.reshape(3, height // factor, factor, width // factor, factor, channels)
    expected = np.floor(blocks.mean(axis=(2, 4)) + 0.5)
    reduced = condition.reduce(images)
    np.testing.assert_array_equal(reduced, expected)
    embedded = condition.embed(reduced, tf.float64)
    assert embedded.shape == (3, *shape) and embedded.dtype == tf.float64
    assert condition.channels == channels


def test_low_resolution_is_enlarged_bilinearly_at_the_centers_of_bins():
    condition = tfwolf.LowResolution([2, 4, 1], factor=2)
    embedded = condition.embed(np.array([[[[0], [128]]]], np.uint8), tf.float32).numpy()
    left, right = 1 / 256 - 1, 257 / 256 - 1
    expected = [left, 0.75 * left + 0.25 * right, 0.25 * left + 0.75 * right, right]
    np.testing.assert_allclose(embedded[0, :, :, 0], [expected, expected], atol=1e-7)
    constant = condition.embed(np.full([1, 1, 2, 1], 255, np.uint8), tf.float32)
    np.testing.assert_allclose(constant, 511 / 256 - 1)


def test_grey_is_that_of_pillow():
    images = np.random.default_rng(0).integers(0, 256, [5, 8, 8, 3]).astype(np.uint8)
    images[0, 0, 0], images[0, 0, 1] = 255, 0
    condition = tfwolf.Grey([8, 8, 3])
    expected = [np.asarray(Image.fromarray(image).convert('L')) for image in images]
    reduced = condition.reduce(images)
    np.testing.assert_array_equal(reduced[..., 0], expected)
    embedded = condition.embed(reduced, tf.float32)
    assert embedded.shape == (5, 8, 8, 1) and embedded.dtype == tf.float32
    np.testing.assert_allclose(embedded, (reduced.numpy() + 0.5) / 128 - 1)
    assert condition.channels == 1 and condition.description == 'Grey()'


@pytest.mark.parametrize(
    'make, message',
    [
        (lambda: tfwolf.LowResolution([8, 8, 3], 3), 'must divide .*8x8; got factor=3'),
        (lambda: tfwolf.LowResolution([8, 6, 3], 4), 'must divide .*8x6; got factor=4'),
        (lambda: tfwolf.LowResolution([8, 8, 3], 1), 'at least 2; got factor=1'),
        (lambda: tfwolf.LowResolution([8, 8, 3], 2.0), 'must be an integer'),
        (lambda: tfwolf.Grey([8, 8, 1]), r'3 channels.*\(8, 8, 1\)'),
    ],
)
def test_sizes_that_do_not_fit_are_rejected(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize('make', [tfwolf.LowResolution, tfwolf.Grey])
def test_arrays_that_do_not_fit_are_rejected(make):
    condition, images = make([8, 8, 3]), random_images(2)
    with pytest.raises(ValueError, match=r'`images` must be uint8 \[batch, 8, 8, 3\]'):
        condition.reduce(images[:, :4])
    with pytest.raises(ValueError, match=r'`condition` must be uint8 .*got float32'):
        condition.embed(condition.reduce(images).numpy().astype(np.float32), tf.float32)
    with pytest.raises(ValueError, match=rf'`condition` must be uint8 .*{make.__name__}'):
        condition.embed(images, tf.float32)


def test_the_base_class_says_what_is_missing():
    condition = ImageCondition()
    with pytest.raises(NotImplementedError):
        condition.reduce(random_images(1))
    with pytest.raises(NotImplementedError):
        condition.embed(random_images(1), tf.float32)
