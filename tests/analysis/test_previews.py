"""The captioned pictures of samples and switches that training writes."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from PIL import ImageFont

import tfwolf
from support.small_models import random_images, small_class_model, stirred_wolf
from tfwolf.analysis import previews
from tfwolf.analysis.previews import CAPTIONED_WIDTH, SWITCH_CAPTIONS, Preview
from tfwolf.pictures.grids import CAPTION_SIZE, captioned, image_grid, marked
from tfwolf.training import run_pictures


@pytest.fixture(scope='module')
def model():
    """Return a small model whose z matters."""
    return stirred_wolf()


def test_samples_are_those_of_the_model_with_a_caption(model):
    found = previews.sample_grid(model, 5, seed=3)
    grid = image_grid(model.sample(5, seed=3), columns=3)
    np.testing.assert_array_equal(found.picture, captioned(grid, columns=['samples, T = 1']))
    assert found[1:] == (5, 0) and found.picture.dtype == np.uint8
    cooler = previews.sample_grid(model, 5, 3, temperature_v=0.5, temperature_z=0.7)
    grid = image_grid(model.sample(5, 3, 0.5, 0.7), columns=3)
    expected = captioned(grid, columns=['samples, T of z = 0.7, T of v = 0.5'])
    np.testing.assert_array_equal(cooler.picture, expected)


def test_samples_that_are_not_finite_are_crossed_out_and_counted(model, monkeypatch):
    finite = model.sample(4, seed=0).numpy()

    def broken_code(*arguments):
        z, v = sample_code(*arguments)
        return z, tf.where(tf.reshape([False, True, False, True], [4, 1, 1, 1]), np.inf, v)

    sample_code = previews.sample_code
    monkeypatch.setattr(previews, 'sample_code', broken_code)
    found = previews.sample_grid(model, 4, seed=0)
    shown = marked(finite, np.array([True, False, True, False]))
    expected = captioned(image_grid(shown, columns=2), columns=['samples, T = 1'])
    np.testing.assert_array_equal(found.picture, expected)
    assert found[1:] == (4, 2)


@pytest.mark.parametrize('kind', ['encoder', 'labels'])
def test_switches_have_their_captions_and_two_pairs_in_a_row(model, kind):
    images, labels = random_images(6), np.arange(6) % 3
    if kind == 'labels':
        model = small_class_model()
    found = previews.switch_grid(model, images, labels)
    a, b = images[0::2], images[1::2]
    z_of_a, z_of_b = model.switch(a, b, labels[0::2], labels[1::2])
    table = np.stack([a, b, z_of_a, z_of_b], axis=1).reshape(12, 8, 8, 3)
    grid = image_grid(table.repeat(9, axis=1).repeat(9, axis=2), columns=8)
    expected = captioned(grid, columns=SWITCH_CAPTIONS * 2)
    np.testing.assert_array_equal(found.picture, expected)
    assert found[1:] == (6, 0) and (z_of_a.numpy() != b).any()


def test_switches_that_are_not_finite_are_counted(model, monkeypatch):
    def broken_codes(*codes):
        of_a, (z, v) = switch_codes(*codes)
        return of_a, (z, tf.where(tf.reshape([False, True], [2, 1, 1, 1]), np.nan, v))

    switch_codes = previews.switch_codes
    monkeypatch.setattr(previews, 'switch_codes', broken_codes)
    found = previews.switch_grid(model, random_images(4))
    assert (found.num_images, found.num_not_finite) == (4, 1)


def test_captions_of_switches_do_not_touch():
    font = ImageFont.load_default(CAPTION_SIZE)
    assert max(map(font.getlength, SWITCH_CAPTIONS)) + 4 <= CAPTIONED_WIDTH
    for side in (8, 28, 32, 33, 72, 100):
        shown = previews._wide_enough(np.zeros([1, side, side, 1], np.uint8))
        assert shown.shape[2] >= CAPTIONED_WIDTH and shown.shape[2] % side == 0
        assert image_grid(shown, columns=1).shape[1] >= shown.shape[2]


def test_training_reports_and_records_what_is_not_finite(tmp_path, monkeypatch, capsys):
    """A line and a scalar for every picture, and one picture a step."""
    picture = np.zeros([4, 4, 3], np.uint8)
    monkeypatch.setattr(run_pictures, 'sample_grid', lambda *arguments: Preview(picture, 64, 13))
    tfwolf.fit(
        model=functools.partial(
            tfwolf.Wolf,
            num_bits=5,
            latent=tfwolf.NoLatent,
            flow=functools.partial(
                tfwolf.RefinedGlow,
                num_steps=[0, [1], 1],
                hidden_channels=[4, 4, 4],
                transform=tfwolf.BoundedAffine(1.0),
            ),
        ),
        images=random_images(60),
        train_dir=tmp_path / 'run',
        max_steps=2,
        batch_size=8,
        init_batch_size=16,
        picture_every=1,
        environment=tfwolf.Environment(strategy='one_device'),
    )
    printed = capsys.readouterr().out
    for step in (1, 2):
        assert printed.count(f'samples at step {step}: 13 of 64 are not finite') == 1
    scalars = {}
    for file in (tmp_path / 'run' / 'tensorboard' / 'train').iterdir():
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                if value.tag == 'samples/not_finite':
                    scalars[event.step] = float(tf.make_ndarray(value.tensor))
    assert scalars == {1: 13.0, 2: 13.0}
