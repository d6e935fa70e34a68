"""Images of 16 bits and of continuous values: exact bins, exact codes, and densities in nats."""

import functools

import numpy as np
import pytest
import tensorflow as tf

import tfwolf
from support.bijector_checks import move_weights
from tfwolf.core import seeds
from tfwolf.data import preprocess
from tfwolf.data.sources import load_dataset

GLOW = functools.partial(
    tfwolf.RefinedGlow,
    num_steps=[0, [1], 1],
    hidden_channels=[8, 8, 8],
    transform=tfwolf.BoundedAffine(1.0),
)


@pytest.mark.parametrize('num_bits', [9, 12, 16])
def test_bins_of_16_bits_are_exact_in_float32(num_bits):
    """Every value returns, from its edge, its center and with any noise, as far as the bits go."""
    values = np.arange(2**16, dtype=np.uint16).reshape(-1, 1, 1, 1)
    bins = preprocess.to_bins(values, num_bits).numpy()
    np.testing.assert_array_equal(bins, values.astype(int) >> (16 - num_bits))
    draws = seeds.uniform(values.shape, tf.constant([1, 2]), tf.float32)
    for noise in (0.0, 0.5, draws, tf.fill(values.shape, np.float32(1 - 2**-24)), 0 * draws):
        x = preprocess.to_unit_range(values, num_bits, noise, tf.float32)
        assert x.dtype == tf.float32 and np.all(np.abs(x) <= 1)
        back = preprocess.to_images(x, num_bits)
        assert back.dtype == tf.uint16
        np.testing.assert_array_equal(preprocess.to_bins(back, num_bits), bins)
    if num_bits == 16:
        np.testing.assert_array_equal(preprocess.at_num_bits(values, 16), values)


def test_noise_of_16_bits_has_the_right_mean_and_a_gradient():
    values = np.full([20_000, 1, 1, 1], 65_000, np.uint16)
    u = seeds.uniform(values.shape, tf.constant([1, 2]), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(u)
        x = preprocess.to_unit_range(values, 16, u, tf.float32)
    width = 2.0**-15
    offset = (x.numpy().astype(np.float64) + 1) / width - 65_000
    assert offset.min() > 0 and offset.max() < 1 and abs(offset.mean() - 0.5) < 0.01
    np.testing.assert_allclose(tape.gradient(x, u), np.full(u.shape, width))


def images_of(dtype, count=40, channels=5):
    random = np.random.default_rng(0)
    if dtype == np.uint16:
        return random.integers(0, 2**16, (count, 8, 8, channels)).astype(np.uint16)
    scales = np.array([1e-3, 1, 50, 1000, 3])[:channels]
    return (scales * (4 + random.standard_normal((count, 8, 8, channels)))).astype(np.float32)


def model_of(images, num_bits, dtype=tf.float32):
    model = tfwolf.Wolf(images.shape[1:], num_bits, GLOW, tfwolf.NoLatent, dtype=dtype)
    tfwolf.initialize(model, images, seed=0)
    move_weights(model.flow, 0.02)
    return model


def test_16_bits_are_coded_exactly_in_float64():
    """A round trip through a flow in float32 errs by about a bin; float64 has room to spare."""
    images = images_of(np.uint16)
    model = model_of(images, 16, tf.float64)
    np.testing.assert_array_equal(model.decode(*model.encode(images)), images)
    terms = model.terms(images, model.draw_noise(len(images), tf.constant([0, 1])))
    np.testing.assert_allclose(terms.dequantization_nats, 320 * 15 * np.log(2), rtol=1e-12)


def test_many_bands_of_floats_are_a_density_in_their_unit():
    images = images_of(np.float32)
    model = model_of(images, None)
    np.testing.assert_allclose(model.values.shift, images.mean(axis=(0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(model.decode(*model.encode(images)), images, atol=1e-3, rtol=1e-4)
    noise = model.draw_noise(len(images), tf.constant([0, 1]))
    nll = model.terms(images, noise).nll_nats
    other = model_of(100 * images, None)
    difference = other.terms(100 * images, noise).nll_nats - nll
    np.testing.assert_allclose(difference, np.full(40, 320 * np.log(100)), rtol=1e-4)


def test_arrays_keep_their_type(tmp_path):
    for dtype in (np.uint16, np.float32):
        name, images = np.dtype(dtype).name, images_of(dtype)
        path = tmp_path / f'{name}.npz'
        np.savez(path, images=images, labels=np.arange(40) % 3)
        found = load_dataset(f'npz:{path}', value_type=name)
        assert found.image_type == name and found.kind == f'images of 8x8x5 ({name})'
        batch = found.train.load(tf.range(3, dtype=tf.int64))['image'].numpy()
        assert batch.dtype == dtype and all(any((row == images).all((1, 2, 3))) for row in batch)
        with pytest.raises(ValueError, match='they are not resampled'):
            load_dataset(f'npz:{path}', value_type=name, image_size=(4, 4))
        with pytest.raises(ValueError, match='must be uint8 from 0 to 255'):
            load_dataset(f'npz:{path}')
    with pytest.raises(ValueError, match='integers from 0 to 65535'):
        load_dataset(f'npz:{tmp_path}/float32.npz', value_type='uint16')
    with pytest.raises(ValueError, match='one of uint8, uint16, float32'):
        load_dataset(f'npz:{tmp_path}/float32.npz', value_type='int32')
    np.save(tmp_path / 'nan.npy', np.full([3, 2, 2, 1], np.nan))
    with pytest.raises(ValueError, match='12 values that are not finite'):
        load_dataset(f'npz:{tmp_path}/nan.npy', value_type='float32')
