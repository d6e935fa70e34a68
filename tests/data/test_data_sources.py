"""Sources of images: digits, folders, archives, TFDS; disjoint splits; errors that name files."""

import socket

import numpy as np
import pytest
from PIL import Image

from tfwolf.data.pipeline import training_batches
from tfwolf.data.sources import load_dataset


def read(split):
    return {
        name: value.numpy() for name, value in split.load(np.arange(split.num_examples)).items()
    }


def test_digits_are_those_of_scikit_learn_in_a_fixed_order():
    import sklearn.datasets

    digits = sklearn.datasets.load_digits()
    order = np.random.RandomState(0).permutation(1797)
    dataset = load_dataset('digits', validation_size=0.1)
    assert (
        dataset.train.num_examples,
        dataset.validation.num_examples,
        dataset.test.num_examples,
    ) == (1293, 144, 360)
    test = read(dataset.test)
    np.testing.assert_array_equal(
        test['image'][..., 0], 17 * np.minimum(digits.images[order[-360:]], 15)
    )
    np.testing.assert_array_equal(test['label'], digits.target[order[-360:]])
    np.testing.assert_array_equal(
        read(dataset.validation)['label'], digits.target[order[1293:1437]]
    )
    np.testing.assert_array_equal(read(dataset.train)['label'], digits.target[order[:1293]])
    assert len(read(dataset.test.take(7))['image']) == 7


def write_images(folder, count, size=(8, 10), mode='RGB', seed=0):
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    for index in range(count):
        shape = (*size, 3) if mode == 'RGB' else size
        Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8)).save(
            folder / f'{index:03}.png'
        )


def test_folder_with_classes_holds_out_a_fixed_part(tmp_path):
    write_images(tmp_path / 'cat', 6, seed=1)
    write_images(tmp_path / 'dog', 4, seed=2)
    dataset = load_dataset(f'folder:{tmp_path}', validation_size=2, test_size=3)
    assert dataset.image_shape == (8, 10, 3) and dataset.num_classes == 2
    parts = [read(split) for split in (dataset.train, dataset.validation, dataset.test)]
    assert [len(part['image']) for part in parts] == [5, 2, 3]
    images = np.concatenate([part['image'] for part in parts])
    assert len(np.unique(images.reshape(10, -1), axis=0)) == 10
    assert sorted(np.concatenate([part['label'] for part in parts])) == [0] * 6 + [1] * 4
    for first, second in zip(parts, (dataset.train, dataset.validation, dataset.test)):
        np.testing.assert_array_equal(first['image'], read(second)['image'])


def test_folder_crops_and_downsamples(tmp_path):
    picture = np.zeros((8, 24, 3), np.uint8)
    picture[:, 8:16] = 200
    (tmp_path / 'train').mkdir()
    (tmp_path / 'test').mkdir()
    for part in ('train', 'test'):
        for index in range(2):
            Image.fromarray(picture).save(tmp_path / part / f'{index}.png')
    dataset = load_dataset(f'folder:{tmp_path}', validation_size=1, image_size=(4, 4))
    np.testing.assert_array_equal(read(dataset.test)['image'], np.full((2, 4, 4, 3), 200))


def test_a_central_crop_can_be_taken_first(tmp_path):
    """As for CelebA; here 6 of 10 rows and 4 of 9 columns, downsampled to 3x2."""
    picture = np.zeros((10, 9, 3), np.uint8)
    picture[2:8, 2:6] = 90
    for index in range(4):
        Image.fromarray(picture).save(tmp_path / f'{index}.png')
    dataset = load_dataset(
        f'folder:{tmp_path}', validation_size=1, test_size=1, crop_size=(6, 4), image_size=(3, 2)
    )
    np.testing.assert_array_equal(read(dataset.train)['image'], np.full((2, 3, 2, 3), 90))
    with pytest.raises(ValueError, match='smaller than `crop_size` 12x4'):
        load_dataset(f'folder:{tmp_path}', validation_size=1, crop_size=(12, 4), image_size=(3, 2))


def test_crops_are_random_in_training_and_central_otherwise(tmp_path):
    """As for LSUN: the shorter side is downsampled, then the image is cropped."""
    columns = np.broadcast_to(np.arange(40, dtype=np.uint8)[None, :, None], (24, 40, 3))
    for index in range(6):
        Image.fromarray(columns).save(tmp_path / f'{index}.png')
    dataset = load_dataset(
        f'folder:{tmp_path}',
        validation_size=1,
        test_size=1,
        shorter_side=24,
        image_size=(16, 16),
        resize='random_crop',
    )
    np.testing.assert_array_equal(
        read(dataset.test)['image'], np.broadcast_to(columns[:16, 12:28], (1, 16, 16, 3))
    )
    lefts = set()
    for batch in training_batches(dataset.train, 4, seed=0).take(60):
        for image in batch['image'].numpy():
            left = image[0, 0, 0]
            np.testing.assert_array_equal(image, columns[:16, left : left + 16])
            lefts.add(int(left))
    assert lefts == set(range(25))
    again = next(iter(training_batches(dataset.train, 4, seed=0, first_step=5)))
    expected = list(training_batches(dataset.train, 4, seed=0).take(6))[5]
    np.testing.assert_array_equal(again['image'], expected['image'])


@pytest.mark.parametrize(
    'options, message',
    [
        ({'resize': 'random_crop', 'image_size': (4, 4)}, 'shorter_side'),
        ({'shorter_side': 8, 'image_size': (4, 4)}, 'random_crop'),
        ({'resize': 'random_crop', 'image_size': (4, 4), 'shorter_side': 3}, 'at least 4'),
        ({'crop_size': (4, 4)}, 'need `image_size`'),
        ({'resize': 'stretch', 'image_size': (4, 4)}, 'must be one of'),
        ({'crop_size': 4, 'image_size': (4, 4)}, 'crop_size'),
    ],
)
def test_inconsistent_sizes_are_rejected(tmp_path, options, message):
    write_images(tmp_path, 3)
    with pytest.raises(ValueError, match=message):
        load_dataset(f'folder:{tmp_path}', validation_size=1, **options)


@pytest.mark.parametrize(
    'options, message',
    [
        ({}, 'holds no images'),
        ({'bogus': True}, 'does not accept'),
    ],
)
def test_folder_errors(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        load_dataset(
            f'folder:{tmp_path}', validation_size=1, **({'num_examples': 3} if options else {})
        )


def test_bad_files_are_named(tmp_path):
    write_images(tmp_path, 4)
    write_images(tmp_path / 'other', 1, size=(6, 6))
    (tmp_path / 'other' / '000.png').rename(tmp_path / '002.png')
    (tmp_path / 'other').rmdir()
    with pytest.raises(ValueError, match=r'002\.png is 6x6.*expected 8x10'):
        load_dataset(f'folder:{tmp_path}', validation_size=1)
    (tmp_path / '002.png').write_bytes((tmp_path / '001.png').read_bytes()[:40])
    with pytest.raises(ValueError, match=r'002\.png cannot be'):
        dataset = load_dataset(f'folder:{tmp_path}', validation_size=1)
        read(dataset.train)
    with pytest.raises(ValueError, match='no folder'):
        load_dataset(f'folder:{tmp_path / "nothing"}')


def test_archives(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (10, 6, 4), dtype=np.uint8)
    np.savez(
        tmp_path / 'a.npz',
        train_images=images,
        test_images=images[:3],
        train_labels=np.arange(10),
        test_labels=np.arange(3),
    )
    dataset = load_dataset(f'npz:{tmp_path / "a.npz"}', validation_size=4)
    assert dataset.image_shape == (6, 4, 1) and dataset.num_classes == 10
    assert dataset.validation.num_examples == 4
    np.testing.assert_array_equal(read(dataset.test)['image'][..., 0], images[:3])
    np.savez(tmp_path / 'b.npz', pictures=images)
    with pytest.raises(ValueError, match=r"must hold 'train_images'.*it holds \['pictures'\]"):
        load_dataset(f'npz:{tmp_path / "b.npz"}')
    np.savez(tmp_path / 'c.npz', images=images.astype(float))
    with pytest.raises(ValueError, match='uint8.*float64'):
        load_dataset(f'npz:{tmp_path / "c.npz"}')


def test_synthetic_images_are_always_the_same():
    one, two = (
        load_dataset('synthetic', image_size=(6, 4), channels=5, num_examples=40) for _ in range(2)
    )
    assert one.image_shape == (6, 4, 5)
    np.testing.assert_array_equal(read(one.train)['image'], read(two.train)['image'])


@pytest.mark.parametrize('source', ['nope', 'digits:x', 'folder:', 'folder', 3])
def test_unknown_sources_are_rejected(source):
    with pytest.raises(ValueError, match='must be one of'):
        load_dataset(source)


def test_prepared_cifar10_is_read_without_the_network(shared, monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError('the network was used')

    for name in ('socket', 'create_connection', 'getaddrinfo'):
        monkeypatch.setattr(socket, name, refuse)
    dataset = load_dataset('tfds:cifar10', data_dir=str(shared / 'tfds'), validation_size=2000)
    assert dataset.image_shape == (32, 32, 3) and dataset.num_classes == 10
    assert (
        dataset.train.num_examples,
        dataset.validation.num_examples,
        dataset.test.num_examples,
    ) == (48_000, 2_000, 10_000)
    test = read(dataset.test)
    np.testing.assert_array_equal(np.bincount(test['label']), [1000] * 10)
    assert 115 < test['image'].mean() < 130


def test_errors_of_missing_tfds_data_name_the_folder(tmp_path):
    with pytest.raises(ValueError, match='--data_dir'):
        load_dataset('tfds:cifar10', data_dir=str(tmp_path), download=False)
    with pytest.raises(ValueError, match='cannot open the data set'):
        load_dataset('tfds:no_such_set', data_dir=str(tmp_path), download=False)
