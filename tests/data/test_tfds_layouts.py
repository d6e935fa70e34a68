"""The data sets of the paper, with generated images, prepared by the builders of TFDS.

They are read with the options of the gin files.
"""

import io
import tarfile

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

from tfwolf.data import dataset as dataset_module
from tfwolf.data.fingerprint import data_fingerprint
from tfwolf.data.pipeline import training_batches
from tfwolf.data.sources import load_dataset

RANDOM = np.random.default_rng(0)


def encoded(height, width, picture_format='PNG'):
    """Return a generated picture as the bytes of a file, and its decoded pixels."""
    file = io.BytesIO()
    coarse = RANDOM.integers(0, 255, (4, 4, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((width, height)).save(file, picture_format)
    return file.getvalue(), np.asarray(Image.open(file))


def write_tar(path, pictures):
    """Write pictures as an archive of PNG files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, 'w') as archive:
        for number, (content, _) in enumerate(pictures):
            entry = tarfile.TarInfo(f'{number:05}.png')
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


@pytest.fixture(autouse=True)
def network(monkeypatch):
    """The downloads of these tests are files that they wrote themselves."""
    monkeypatch.setattr('tfwolf.data.tfds_builder.silent_hosts', lambda addresses: [])


@pytest.fixture(params=['in memory', 'on the fly'])
def reading(request, monkeypatch):
    """Read all data once in memory, as small data sets, and once on the fly, as large ones."""
    if request.param == 'on the fly':
        monkeypatch.setattr(dataset_module, 'IN_MEMORY_BYTES', 0)
        monkeypatch.setattr(dataset_module, 'MAX_ARRAY_BYTES', 0)


def everything(*splits):
    """Return all images of splits in their order, after reading a training batch of the first."""
    batch = next(iter(training_batches(splits[0], 2, seed=0)))
    assert batch['image'].shape == (
        2,
        *splits[0].load(tf.range(1, dtype=tf.int64))['image'].shape[1:],
    )
    parts = [split.load(tf.range(split.num_examples, dtype=tf.int64)) for split in splits]
    assert all(set(part['label'].numpy()) == {-1} for part in parts)
    return np.concatenate([part['image'].numpy() for part in parts])


def sorted_bytes(images):
    """Return the bytes of images, sorted, because TFDS does not keep their order."""
    return sorted(np.asarray(image).tobytes() for image in images)


def test_celeb_a_hq_from_a_manual_folder(tmp_path, reading):
    pictures = [encoded(256, 256) for _ in range(7)]
    write_tar(tmp_path / 'downloads' / 'manual' / 'data256x256.tar', pictures)
    options = {'validation_size': 2, 'test_size': 2, 'data_dir': str(tmp_path)}
    dataset = load_dataset('tfds:celeb_a_hq/256', download=True, **options)
    assert (dataset.name, dataset.version, dataset.image_shape) == (
        'celeb_a_hq/256',
        '2.0.0',
        (256, 256, 3),
    )
    assert sorted_bytes(
        everything(dataset.train, dataset.validation, dataset.test)
    ) == sorted_bytes([pixels for _, pixels in pictures])
    again = load_dataset('tfds:celeb_a_hq/256', download=False, **options)
    assert data_fingerprint(again.test) == data_fingerprint(dataset.test)


def test_errors_of_celeb_a_hq_name_the_missing_file_and_its_folder(tmp_path):
    for download in (True, False):
        with pytest.raises(
            ValueError, match=r'by hand into .*downloads/manual first.*data1024x1024\.tar'
        ):
            load_dataset(
                'tfds:celeb_a_hq/256', data_dir=str(tmp_path), download=download, test_size=2
            )


def test_downsampled_imagenet_with_its_version(tmp_path, reading, monkeypatch):
    parts = {
        'train': [encoded(64, 64) for _ in range(6)],
        'valid': [encoded(64, 64) for _ in range(3)],
    }
    for part, pictures in parts.items():
        write_tar(tmp_path / f'{part}.tar', pictures)
    paths = [tmp_path / f'{part}.tar' for part in parts]
    monkeypatch.setattr(tfds.download.DownloadManager, 'download', lambda self, urls: paths)
    dataset = load_dataset(
        'tfds:downsampled_imagenet/64x64',
        data_dir=str(tmp_path),
        image_size=(64, 64),
        resize='none',
        validation_size=2,
    )
    assert dataset.title == 'downsampled_imagenet/64x64 2.0.0'
    assert sorted_bytes(everything(dataset.train, dataset.validation)) == sorted_bytes(
        [pixels for _, pixels in parts['train']]
    )
    assert sorted_bytes(everything(dataset.test)) == sorted_bytes(
        [pixels for _, pixels in parts['valid']]
    )


def test_lsun_is_cropped_in_the_center_and_downsampled(tmp_path, reading, monkeypatch):
    from tensorflow_datasets.image import lsun

    pictures = {
        'train': [encoded(256, 341, 'JPEG') for _ in range(5)],
        'validation': [encoded(300, 256, 'JPEG') for _ in range(2)],
    }

    def examples(self, part):
        for number, (content, _) in enumerate(pictures[part]):
            yield number, {'id': str(number), 'image': content}

    monkeypatch.setattr(
        lsun.Lsun,
        '_split_generators',
        lambda self, _: [
            tfds.core.SplitGenerator(name=part, gen_kwargs={'part': part}) for part in pictures
        ],
    )
    monkeypatch.setattr(lsun.Lsun, '_generate_examples', examples)
    dataset = load_dataset(
        'tfds:lsun/bedroom',
        data_dir=str(tmp_path),
        image_size=(128, 128),
        resize='center_crop',
        validation_size=2,
    )
    assert dataset.image_shape == (128, 128, 3) and dataset.num_classes is None
    # The JPEG decoder of Pillow differs from TensorFlow's by a few grey levels.
    decoded = [
        Image.fromarray(tf.io.decode_image(content).numpy()).crop((42, 0, 298, 256))
        for content, _ in pictures['train']
    ]
    expected = [
        np.asarray(picture.resize((128, 128), Image.Resampling.BICUBIC)) for picture in decoded
    ]
    assert sorted_bytes(everything(dataset.train, dataset.validation)) == sorted_bytes(expected)


def test_lsun_is_cropped_at_random_in_training(tmp_path, monkeypatch):
    from tensorflow_datasets.image import lsun

    pictures = [encoded(256, 341, 'JPEG') for _ in range(4)]
    monkeypatch.setattr(
        lsun.Lsun,
        '_split_generators',
        lambda self, _: [
            tfds.core.SplitGenerator(name=part, gen_kwargs={}) for part in ('train', 'validation')
        ],
    )
    monkeypatch.setattr(
        lsun.Lsun,
        '_generate_examples',
        lambda self: ((i, {'id': str(i), 'image': p[0]}) for i, p in enumerate(pictures)),
    )
    options = {
        'image_size': (64, 64),
        'resize': 'random_crop',
        'shorter_side': 96,
        'validation_size': 1,
    }
    dataset = load_dataset('tfds:lsun/tower', data_dir=str(tmp_path), **options)
    decoded = [
        Image.fromarray(tf.io.decode_image(content).numpy()).resize(
            (128, 96), Image.Resampling.BICUBIC
        )
        for content, _ in pictures
    ]
    expected = [np.asarray(picture.crop((32, 16, 96, 80))) for picture in decoded]
    assert sorted_bytes(everything(dataset.test)) == sorted_bytes(expected)
    windows = next(iter(training_batches(dataset.train, 3, seed=0)))['image'].numpy()
    whole = [np.asarray(picture) for picture in decoded]
    for window in windows:
        assert any(
            np.array_equal(window, picture[top : top + 64, left : left + 64])
            for picture in whole
            for top in range(33)
            for left in range(65)
        )


def test_records_read_on_the_fly_equal_those_in_memory(shared, monkeypatch):
    kept = load_dataset('tfds:cifar10', data_dir=str(shared / 'tfds'), validation_size=0)
    monkeypatch.setattr(dataset_module, 'IN_MEMORY_BYTES', 0)
    read = load_dataset('tfds:cifar10', data_dir=str(shared / 'tfds'), validation_size=0)
    assert type(read.test).__name__ == 'RecordSplit' and read.test.num_examples == 10_000
    memory = {
        key: value.numpy()
        for key, value in kept.test.load(tf.range(10_000, dtype=tf.int64)).items()
    }
    records = {
        key: value.numpy()
        for key, value in read.test.load(tf.range(10_000, dtype=tf.int64)).items()
    }
    pairs = [
        sorted(zip(map(bytes, part['image'].reshape(10_000, -1)), part['label']))
        for part in (memory, records)
    ]
    assert pairs[0] == pairs[1]
    chosen = tf.constant([9_999, 0, 1_250, 1_249, 0], tf.int64)
    np.testing.assert_array_equal(read.test.load(chosen)['image'], records['image'][chosen.numpy()])


def test_damaged_records_are_named(tmp_path, monkeypatch):
    write_tar(tmp_path / 'downloads' / 'manual' / 'data8x8.tar', [encoded(8, 8) for _ in range(5)])
    monkeypatch.setattr(dataset_module, 'IN_MEMORY_BYTES', 0)
    options = {'data_dir': str(tmp_path), 'validation_size': 1, 'test_size': 1}
    load_dataset('tfds:celeb_a_hq/8', **options)
    (file,) = tmp_path.glob('celeb_a_hq/8/2.0.0/*.tfrecord*')
    content = file.read_bytes()
    file.write_bytes(content[:-9])
    with pytest.raises(ValueError, match=rf'{file.name} is damaged: 5 records'):
        data_fingerprint(load_dataset('tfds:celeb_a_hq/8', **options).train)
    file.write_bytes(content.replace(b'IHDR', b'XXXX'))
    with pytest.raises(ValueError, match='after number 0 of 3 cannot be read'):
        data_fingerprint(load_dataset('tfds:celeb_a_hq/8', **options).train)
