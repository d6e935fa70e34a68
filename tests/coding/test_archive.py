"""Images compressed with tiny models: exact, as small as the bound says, never half-decoded."""

import functools

import numpy as np
import pytest
import tensorflow as tf

import tfwolf
from support.bijector_checks import move_weights
from support.damage import damaged
from support.small_models import (
    dequantizing_wolf,
    random_images,
    small_class_model,
    small_flow_alone,
    small_wolf,
)
from tfwolf.coding import container, image_code
from tfwolf.coding.archive import compress_images, decompress_images, describe, unpack_images
from tfwolf.coding.comparison import bound_bits_per_dim, format_bits_per_dim
from tfwolf.coding.fingerprint import model_hash
from tfwolf.models.image_condition import Grey
from tfwolf.models.initialization import initialize

IMAGES = random_images(24)


def wolf(**changes):
    model = small_wolf(images=IMAGES, **changes)
    move_weights(model, 0.03)
    return model


def flow_alone(name):
    model = small_flow_alone(name)
    initialize(model, IMAGES, 0)
    move_weights(model, 0.03)
    return model


MODELS = {
    'flow prior': wolf,
    'float64': functools.partial(wolf, dtype=tf.float64),
    'normal prior': functools.partial(wolf, latent='normal'),
    'no z': functools.partial(wolf, latent=None),
    'macow': functools.partial(wolf, flow=tfwolf.MaCow),
    'glow': functools.partial(flow_alone, 'glow'),
    'real nvp': functools.partial(flow_alone, 'realnvp'),
}


@pytest.fixture(scope='module')
def model():
    return wolf()


@pytest.fixture(scope='module')
def content(model):
    return compress_images(model, IMAGES)


@pytest.mark.parametrize(
    'name',
    # Masked convolutions are coded line by line, which takes long.
    [pytest.param(name, marks=[pytest.mark.slow] * (name == 'macow')) for name in MODELS],
)
def test_images_are_exact_at_the_bits_of_the_bound(name):
    model = MODELS[name]()
    images = IMAGES[:16]
    content = compress_images(model, images, verify=False)
    assert np.array_equal(decompress_images(model, content), images)
    parts = describe(content)
    coded = images[parts.num_first :]
    rate = 8 * (parts.payload_bytes - parts.first_bytes) / coded.size
    bound = np.mean([bound_bits_per_dim(model, coded, seed) for seed in range(3)])
    assert rate == pytest.approx(bound, rel=0.02)


@pytest.mark.parametrize(
    'num_bits, fraction_bits', [(1, None), (5, 8), (8, 9), (8, 20), (12, None)]
)
def test_any_number_of_bits(num_bits, fraction_bits):
    white = 2 ** (8 if num_bits <= 8 else 16) - 1
    dtype = np.uint8 if num_bits <= 8 else np.uint16
    bins = np.random.default_rng(0).integers(0, 2**num_bits, (12, 4, 4, 2))
    images = np.rint(bins * (white / (2**num_bits - 1))).astype(dtype)
    model = small_wolf(num_bits=num_bits, shape=(4, 4, 2), latent=None, images=images)
    content = compress_images(model, images, fraction_bits=fraction_bits)
    found = decompress_images(model, content)
    assert found.dtype == dtype and np.array_equal(found, images)


@pytest.mark.parametrize('count', [1, 2, 5])
def test_few_images(model, count):
    content = compress_images(model, IMAGES[:count], [f'image {i}' for i in range(count)])
    found = unpack_images(model, content)
    assert np.array_equal(found.images, IMAGES[:count])
    assert found.names == [f'image {i}' for i in range(count)]
    # No larger than the values themselves, a header, and names.
    assert len(content) < IMAGES[:count].size + 700


def test_groups_of_any_size_decode(model):
    for size in (1, 4):
        content = compress_images(model, IMAGES[:9], group_size=size, verify=False)
        assert np.array_equal(decompress_images(model, content), IMAGES[:9])


def test_the_same_images_give_the_same_bytes(model, content):
    assert compress_images(model, IMAGES, verify=False) == content


def test_a_model_with_other_weights_is_refused(model, content):
    other = wolf(seed=1)
    assert model_hash(other) != model_hash(model) == model_hash(wolf())
    with pytest.raises(ValueError, match='compressed with another model'):
        decompress_images(other, content)


def test_damaged_content_is_refused(model, content):
    first, *others = damaged(content, 60)
    assert np.array_equal(decompress_images(model, first), IMAGES)
    for bad in [*others, b'', content[:3], content[:20], b'PNG' * 50]:
        with pytest.raises(ValueError, match='damaged|incomplete|not a file|version'):
            decompress_images(model, bad)


def test_another_version_is_refused(model, content):
    changed = content[:8] + (2).to_bytes(2, 'little') + content[10:]
    with pytest.raises(
        ValueError, match='version 2 of the format, and this program reads version 1'
    ):
        decompress_images(model, changed)


@pytest.mark.parametrize(
    'changes',
    [
        {'groups': [1]},
        {'first': ['webp', 4, 8]},
        {'fraction_bits': 14},
        {'scale_bits': 11},
        {'pixels': '0' * 64},
        {'versions': {'tensorflow': '1.0'}, 'pixels': ''},
    ],
)
def test_networks_that_compute_other_numbers_are_noticed(model, content, changes):
    header, payload = container.unpack(content)
    wrong = container.pack({**header, **changes}, payload)
    with pytest.raises(ValueError, match='the networks compute other numbers here') as error:
        decompress_images(model, wrong)
    assert ('tensorflow 1.0 (here' in str(error.value)) == ('versions' in changes)


def test_a_header_without_a_field_is_refused(model, content):
    header, payload = container.unpack(content)
    del header['groups']
    with pytest.raises(ValueError, match='groups is missing'):
        decompress_images(model, container.pack(header, payload))


def test_a_result_that_does_not_decompress_is_not_returned(model, monkeypatch):
    decode = image_code.BitsBack.pop
    monkeypatch.setattr(image_code.BitsBack, 'pop', lambda *a: decode(*a) ^ 1)
    with pytest.raises(RuntimeError, match='do not decompress to the images; nothing was written'):
        compress_images(model, IMAGES[:5])


@pytest.mark.parametrize(
    'make, message',
    [
        (small_class_model, 'without labels; this one has a LabelCondition'),
        (lambda: dequantizing_wolf(images=IMAGES), 'uniform dequantization'),
        (lambda: small_wolf(images=IMAGES, condition=Grey), 'without a condition'),
    ],
)
def test_models_that_cannot_be_coded_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        compress_images(make(), IMAGES)


@pytest.mark.parametrize(
    'arguments, message',
    [
        ({'images': IMAGES[:0]}, 'at least one image'),
        ({'images': IMAGES[0]}, '`images` must be uint8'),
        ({'images': IMAGES.astype(np.float32)}, '`images` must be uint8'),
        ({'names': ['one']}, 'one name for each image, 24; got 1'),
        ({'fraction_bits': 8}, '`fraction_bits` must be an integer of at least 9'),
        ({'fraction_bits': 21}, '`fraction_bits` must be at most 20'),
        ({'scale_bits': 17}, '`scale_bits` must be at most 16'),
        ({'group_size': 0}, '`group_size` must be'),
    ],
)
def test_wrong_arguments_are_errors(model, arguments, message):
    with pytest.raises(ValueError, match=message):
        compress_images(model, **{'images': IMAGES, **arguments})


def test_values_that_the_model_does_not_see_are_an_error():
    model = small_wolf(num_bits=5, images=IMAGES)
    with pytest.raises(ValueError, match='at most 5 bits per color value.*image 0'):
        compress_images(model, IMAGES)


def test_a_model_that_is_not_finite_is_an_error():
    model = wolf()
    model.flow.trainable_variables[0].assign_add(
        tf.fill(model.flow.trainable_variables[0].shape, np.nan)
    )
    with pytest.raises(ValueError, match='not finite'):
        compress_images(model, IMAGES)


def test_other_formats_are_measured():
    for name in ('PNG', 'WebP'):
        each, together = format_bits_per_dim(IMAGES, name)
        assert 5 < together < each
    each, together = format_bits_per_dim(IMAGES[..., :1], 'PNG')
    assert 5 < together < each


@pytest.mark.slow
def test_100_images_of_cifar10_are_exact_within_1_percent_of_the_bound(shared):
    environment = tfwolf.Environment(data_dir=str(shared / 'tfds'))
    run = tfwolf.load('pretrained:cifar10_small', environment=environment)
    places = tf.range(100, dtype=tf.int64)
    images = run.dataset.split('test').load(places)['image'].numpy()
    content = compress_images(run.model, images, verify=False)
    assert np.array_equal(decompress_images(run.model, content), images)
    parts = describe(content)
    coded = images[parts.num_first :]
    bound = bound_bits_per_dim(run.model, coded)
    rate = 8 * (parts.payload_bytes - parts.first_bytes) / coded.size
    assert rate == pytest.approx(bound, rel=0.01)
    assert 8 * len(content) / images.size < 1.02 * bound_bits_per_dim(run.model, images)
    assert 8 * len(content) / images.size < 0.8 * format_bits_per_dim(images, 'WebP')[0]
