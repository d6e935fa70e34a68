"""NumPy arrays as images: the names of Keras and MedMNIST, ranges of values, padding, errors."""

import numpy as np
import pytest

from tfwolf.data.given import as_dataset
from tfwolf.data.sources import load_dataset

IMAGES = np.random.default_rng(0).integers(0, 256, (60, 6, 5, 3), dtype=np.uint8)
LABELS = np.arange(60) % 4


def read(split):
    found = split.load(np.arange(split.num_examples))
    return found['image'].numpy(), found['label'].numpy()


def archive(tmp_path, **arrays):
    np.savez(tmp_path / 'a.npz', **arrays)
    return f'npz:{tmp_path}/a.npz'


def keras(**changes):
    return {
        'x_train': IMAGES[:40],
        'y_train': LABELS[:40],
        'x_test': IMAGES[40:],
        'y_test': LABELS[40:],
        **changes,
    }


def medmnist():
    arrays = {}
    for name, part in (('train', slice(40)), ('val', slice(40, 50)), ('test', slice(50, None))):
        arrays[f'{name}_images'] = IMAGES[part, ..., 0]
        arrays[f'{name}_labels'] = LABELS[part, None].astype(np.uint8)
    return arrays


def test_archives_of_keras_are_read(tmp_path):
    found = load_dataset(archive(tmp_path, **keras()))
    images, labels = read(found.test)
    np.testing.assert_array_equal(images, IMAGES[40:])
    np.testing.assert_array_equal(labels, LABELS[40:])
    assert found.num_classes == 4 and found.train.num_examples + found.validation.num_examples == 40
    assert 'x_train for train with y_train; x_test for test with y_test' in found.notes[0]


def test_archives_of_medmnist_are_read(tmp_path):
    found = load_dataset(archive(tmp_path, **medmnist()))
    for split, part in (
        (found.train, slice(40)),
        (found.validation, slice(40, 50)),
        (found.test, slice(50, None)),
    ):
        images, labels = read(split)
        np.testing.assert_array_equal(images[..., 0], IMAGES[part, ..., 0])
        np.testing.assert_array_equal(labels, LABELS[part])


@pytest.mark.parametrize(
    'names', [('X_train', 'X_test'), ('trainImages', 'testImages'), ('train-images', 'test-images')]
)
def test_names_in_any_case(tmp_path, names):
    arrays = dict(zip(names, (IMAGES[:40], IMAGES[40:])))
    if names[0] == 'trainImages':
        with pytest.raises(ValueError, match=r"it holds \['testImages', 'trainImages'\]"):
            load_dataset(archive(tmp_path, **arrays))
    else:
        assert load_dataset(archive(tmp_path, **arrays)).test.num_examples == 20


@pytest.mark.parametrize('kind', [np.int8, np.uint8, np.int32, np.uint64])
def test_labels_are_of_any_integer_type(tmp_path, kind):
    for labels in (LABELS.astype(kind), LABELS.astype(kind)[:, None]):
        found = load_dataset(archive(tmp_path, images=IMAGES, labels=labels), test_size=5)
        assert found.num_classes == 4 and set(read(found.train)[1]) == {0, 1, 2, 3}


def test_an_array_and_a_folder_of_named_arrays_are_read(tmp_path):
    np.save(tmp_path / 'all.npy', IMAGES)
    alone = load_dataset(f'npz:{tmp_path}/all.npy', test_size=9)
    assert alone.test.num_examples == 9 and alone.num_classes is None
    np.testing.assert_array_equal(
        read(alone.test)[0], read(as_dataset(tmp_path / 'all.npy', test_size=9).test)[0]
    )
    (tmp_path / 'named').mkdir()
    for name, array in keras().items():
        np.save(tmp_path / 'named' / f'{name}.npy', array)
    np.testing.assert_array_equal(read(load_dataset(f'npz:{tmp_path}/named').test)[0], IMAGES[40:])


def test_a_folder_of_an_array_per_image_is_a_folder_of_images(tmp_path):
    for number, image in enumerate(IMAGES):
        (tmp_path / str(LABELS[number])).mkdir(exist_ok=True)
        np.save(tmp_path / str(LABELS[number]) / f'{number}.npy', image / np.float32(255))
    found = load_dataset(f'folder:{tmp_path}', value_range=(0, 1), test_size=6)
    assert found.num_classes == 4 and found.image_shape == (6, 5, 3)
    for image, label, name in zip(*read(found.test), found.test.identities.names):
        number = int(name.partition('/')[2].removesuffix('.npy'))
        np.testing.assert_array_equal(image, IMAGES[number])
        assert label == LABELS[number]
    with pytest.raises(ValueError, match='use the source folder:PATH'):
        load_dataset(f'npz:{tmp_path}/0')


@pytest.mark.parametrize(
    'values, value_range',
    [
        (IMAGES / np.float32(255), (0, 1)),
        (IMAGES / np.float64(255), (0.0, 1.0)),
        (IMAGES.astype(np.float32), (0, 255)),
        (IMAGES.astype(np.int64), [0, 255]),
        (IMAGES / 127.5 - 1, (-1, 1)),
        (IMAGES.astype(np.uint16) * 257, (0, 65535)),
        (IMAGES, (0, 255)),
    ],
)
def test_values_of_a_stated_range_are_converted(tmp_path, values, value_range):
    found = load_dataset(
        archive(tmp_path, **keras(x_train=values[:40], x_test=values[40:])), value_range=value_range
    )
    np.testing.assert_array_equal(read(found.test)[0], IMAGES[40:])


@pytest.mark.parametrize(
    'values, value_range, message',
    [
        (IMAGES / 255.0, None, r'uint8 .*got float64 .* from 0 to 1\. .*dataset\.value_range = \('),
        (IMAGES / 1.0, (0, 1), r'finite and within value_range=\(0, 1\); .* from 0 to 255'),
        (np.full((9, 4, 4), np.nan), (0, 1), 'finite and within'),
        (IMAGES / 255.0, (1, 0), r'`value_range` must be \(low, high\)'),
        (IMAGES / 255.0, 1, r'`value_range` must be \(low, high\)'),
        (IMAGES / 255.0, (0, float('inf')), r'`value_range` must be \(low, high\)'),
        (np.full((9, 4, 4), 'a'), (0, 1), 'must be numbers'),
        (np.moveaxis(IMAGES, -1, 1), None, r'got \(60, 3, 6, 5\)\. Are the channels first\?'),
        (IMAGES[:0], None, 'not empty'),
    ],
)
def test_other_values_and_shapes_are_explained(tmp_path, values, value_range, message):
    with pytest.raises(ValueError, match=message):
        load_dataset(archive(tmp_path, images=values), value_range=value_range)


def test_channels_first_are_also_noticed_in_arrays_from_python():
    with pytest.raises(ValueError, match='Are the channels first'):
        as_dataset(np.moveaxis(IMAGES, -1, 1))
    assert as_dataset(np.zeros((9, 3, 3, 3), np.uint8)).image_shape == (3, 3, 3)


@pytest.mark.parametrize(
    'arrays, message',
    [
        ({'x_test': IMAGES}, "must hold 'train_images' and optionally"),
        ({'images': IMAGES, 'x_train': IMAGES}, 'must hold'),
        ({'x_train': IMAGES, 'X_train': IMAGES}, "holds both 'x_train' and 'X_train'"),
        (keras(y_test=LABELS[:3]), r"'y_test' must be non-negative integers \[20\]"),
        (keras(y_train=np.eye(4)[LABELS[:40]]), r"'y_train' must be non-negative integers \[40\]"),
        (keras(x_test=IMAGES[40:, :5]), 'all splits must have images of the same size'),
    ],
)
def test_other_archives_are_explained(tmp_path, arrays, message):
    with pytest.raises(ValueError, match=message):
        load_dataset(archive(tmp_path, **arrays))


def test_small_images_can_be_padded_and_large_ones_cropped(tmp_path):
    padded = load_dataset(archive(tmp_path, **keras()), image_size=(8, 8), resize='pad')
    assert padded.image_shape == (8, 8, 3)
    images = read(padded.test)[0]
    np.testing.assert_array_equal(images[:, 1:7, 1:6], IMAGES[40:])
    assert not images[:, 0].any() and not images[:, :, 6:].any()
    assert load_dataset(archive(tmp_path, **keras()), image_size=(4, 4)).image_shape == (4, 4, 3)
    many = np.zeros((9, 28, 28, 5), np.uint8)
    source = archive(tmp_path, images=many)
    assert load_dataset(source, image_size=(32, 32), resize='pad').image_shape == (32, 32, 5)
    with pytest.raises(ValueError, match='images are not enlarged'):
        load_dataset(source, image_size=(32, 32))
    with pytest.raises(ValueError, match='random_crop.* is not accepted for arrays'):
        load_dataset(source, image_size=(8, 8), resize='random_crop', shorter_side=9)


def test_a_new_image_moves_no_other(tmp_path):
    def splits(images):
        found = load_dataset(archive(tmp_path, images=images))
        return {
            digest: name
            for name in ('train', 'validation', 'test')
            for digest in getattr(found, name).identities.digests
        }

    before = splits(IMAGES)
    after = splits(np.concatenate([IMAGES[30:], np.zeros((3, 6, 5, 3), np.uint8), IMAGES[:30]]))
    assert len(before) == 60 and {key: after[key] for key in before} == before
