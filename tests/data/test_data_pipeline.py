"""Batches are repeatable and resumable; evaluation sees each image once; augmentations."""

import hashlib

import numpy as np
import pytest
import tensorflow as tf

from tfwolf.core import seeds
from tfwolf.data.array_split import ArraySplit
from tfwolf.data.augment import horizontal_flip, pad_and_crop, random_shift
from tfwolf.data.pipeline import evaluation_batches, training_batches

IMAGES = np.random.default_rng(0).integers(0, 256, (23, 6, 8, 3), dtype=np.uint8)
SPLIT = ArraySplit(lambda: (IMAGES, np.arange(23)), 23, IMAGES.shape[1:])


def labels(count, **options):
    return [batch['label'].numpy() for batch in training_batches(SPLIT, 5, **options).take(count)]


def test_every_epoch_has_every_image_at_most_once_in_its_own_order():
    order = np.array(labels(12, seed=1)).reshape(3, 20)
    assert all(len(set(epoch)) == 20 for epoch in order)
    assert np.any(order[0] != order[1])
    np.testing.assert_array_equal(np.array(labels(12, seed=1)).reshape(3, 20), order)
    assert np.any(np.array(labels(4, seed=2)).ravel() != order[0])


@pytest.mark.parametrize('step', [0, 1, 4, 7])
def test_resuming_equals_continuing(step):
    options = dict(seed=3, augmentations=[horizontal_flip, pad_and_crop_by_2])
    whole = list(training_batches(SPLIT, 5, **options).take(10))
    for expected, batch in zip(
        whole[step:], training_batches(SPLIT, 5, first_step=step, **options)
    ):
        np.testing.assert_array_equal(batch['image'], expected['image'])
        np.testing.assert_array_equal(batch['label'], expected['label'])


def test_batches_are_those_of_earlier_versions():
    """Order, types and every byte, because a continued run must see the images that it would have
    seen.
    """
    batches = training_batches(
        SPLIT, 5, seed=7, first_step=3, augmentations=[horizontal_flip, pad_and_crop_by_2]
    )
    assert batches.element_spec == {
        'image': tf.TensorSpec([5, 6, 8, 3], tf.uint8),
        'label': tf.TensorSpec([5], tf.int64),
    }
    digest = hashlib.sha256()
    for batch in batches.take(6):
        digest.update(batch['image'].numpy().tobytes() + batch['label'].numpy().tobytes())
    assert digest.hexdigest() == '1e0179223857a982c76a60f9273dcb692da2cf3446661af88f0a99a446ef2c10'


@pytest.mark.parametrize('channels', [1, 3, 4])
def test_a_flip_is_the_mirrored_image_where_the_draw_is_below_one_half(channels):
    images = np.random.default_rng(1).integers(0, 256, (40, 5, 6, channels), dtype=np.uint8)
    seed = seeds.tensor_seed(0, 'test')
    draws = seeds.uniform([40], seed, tf.float32).numpy()
    expected = np.where(draws[:, None, None, None] < 0.5, images[:, :, ::-1], images)
    np.testing.assert_array_equal(horizontal_flip(tf.constant(images), seed), expected)


def pad_and_crop_by_2(images, seed):
    return pad_and_crop(images, seed, padding=2)


def test_evaluation_sees_each_image_once():
    batches = list(evaluation_batches(SPLIT, 5))
    assert [len(batch['image']) for batch in batches] == [5] * 5
    mask = np.concatenate([batch['mask'] for batch in batches])
    np.testing.assert_array_equal(
        np.concatenate([batch['image'] for batch in batches])[mask], IMAGES
    )


def test_about_half_of_the_images_are_flipped():
    flipped = horizontal_flip(tf.constant(IMAGES), seeds.tensor_seed(0, 'test')).numpy()
    same = np.array([np.array_equal(a, b) for a, b in zip(flipped, IMAGES)])
    turned = np.array([np.array_equal(a, b[:, ::-1]) for a, b in zip(flipped, IMAGES)])
    assert np.all(same ^ turned) and 5 < same.sum() < 18


def test_crops_are_crops_of_the_reflected_image():
    cropped = pad_and_crop_by_2(tf.constant(IMAGES), seeds.tensor_seed(0, 'test')).numpy()
    found = set()
    for image, crop in zip(IMAGES, cropped):
        padded = np.pad(image, ((2, 2), (2, 2), (0, 0)), mode='reflect')
        places = [
            (top, left)
            for top in range(5)
            for left in range(5)
            if np.array_equal(padded[top : top + 6, left : left + 8], crop)
        ]
        assert places
        found.update(places)
    assert len(found) > 8


@pytest.mark.parametrize(
    'shape, fraction, limits',
    [
        ((32, 32, 3), 0.04, (1, 1)),
        ((64, 64, 1), 0.04, (2, 2)),
        ((25, 60, 3), 0.04, (1, 2)),
        ((6, 30, 2), 0.1, (0, 3)),
        ((8, 4, 1), 0.5, (4, 2)),
        ((100, 3, 1), 0.29, (29, 0)),
    ],
)
def test_a_shift_is_a_crop_of_the_reflected_image(shape, fraction, limits):
    images = np.random.default_rng(2).integers(0, 256, (60, *shape), dtype=np.uint8)
    seed = seeds.tensor_seed(0, 'shift')
    shifted = random_shift(tf.constant(images), seed, fraction=fraction)
    assert shifted.dtype == tf.uint8 and shifted.shape == images.shape
    (rows, columns), found = limits, []
    for image, result in zip(images, shifted.numpy()):
        padded = np.pad(image, ((rows, rows), (columns, columns), (0, 0)), mode='reflect')
        places = [
            (top - rows, left - columns)
            for top in range(2 * rows + 1)
            for left in range(2 * columns + 1)
            if np.array_equal(padded[top : top + shape[0], left : left + shape[1]], result)
        ]
        assert len(places) == 1
        found += places
    down, right = np.array(found).T
    for shifts, limit in ((down, rows), (right, columns)):
        assert shifts.min() >= -limit and shifts.max() <= limit
        if limit < 4:
            assert set(shifts) == {*range(-limit, limit + 1)}


def test_shifts_depend_on_the_seed_alone_and_are_uniform():
    images = tf.constant(np.random.default_rng(3).integers(0, 256, (900, 32, 32, 1), np.uint8))
    seed, other = (seeds.tensor_seed(0, name) for name in ('one', 'two'))
    first = random_shift(images, seed)
    np.testing.assert_array_equal(first, random_shift(images, seed))
    np.testing.assert_array_equal(first, tf.function(random_shift)(images, seed))
    assert np.any(first != random_shift(images, other))
    # The same as crops with a padding of one pixel.
    np.testing.assert_array_equal(first, pad_and_crop(images, seed, padding=1))
    same = np.mean(np.all(first == images, axis=(1, 2, 3)))
    assert abs(same - 1 / 9) < 0.04


def test_images_are_shifted_in_training():
    plain, shifted = (
        next(iter(training_batches(SPLIT, 5, seed=3, augmentations=augmentations)))['image']
        for augmentations in ([], [random_shift_by_a_sixth])
    )
    assert shifted.shape == plain.shape == (5, 6, 8, 3) and np.any(shifted != plain)


def random_shift_by_a_sixth(images, seed):
    return random_shift(images, seed, fraction=1 / 6)


@pytest.mark.parametrize(
    'fraction, message',
    [
        (0.0, '`fraction` must be .* above 0'),
        (0.6, 'at most 0.5; got fraction=0.6'),
        (float('nan'), 'fraction'),
        (
            0.04,
            'at least one pixel of height or width, 0.125 for images of 6x8; got fraction=0.04',
        ),
    ],
)
def test_a_shift_that_cannot_be_is_an_error(fraction, message):
    with pytest.raises(ValueError, match=message):
        random_shift(tf.constant(IMAGES), seeds.tensor_seed(0, 'test'), fraction=fraction)


def test_sizes_are_checked():
    with pytest.raises(ValueError, match='at most 23'):
        training_batches(SPLIT, 24, seed=0)
    with pytest.raises(ValueError, match='batch_size'):
        evaluation_batches(SPLIT, 0)
