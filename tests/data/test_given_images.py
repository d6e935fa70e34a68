"""`as_dataset` converts images of all kinds to a data set and explains invalid ones."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfwolf.data import dataset as dataset_module
from tfwolf.data import holdout
from tfwolf.data.data_record import EARLIER_RULES, DataRecord
from tfwolf.data.fingerprint import data_fingerprint
from tfwolf.data.given import as_dataset
from tfwolf.data.sources import load_dataset

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 6, 5, 3), dtype=np.uint8)
LABELS = np.arange(40) % 4
DATASET = tf.data.Dataset.from_tensor_slices


def read(split):
    found = split.load(tf.range(split.num_examples, dtype=tf.int64))
    return found['image'].numpy(), found['label'].numpy()


def prints(found):
    return [data_fingerprint(split) for split in (found.train, found.validation, found.test)]


def from_generator(make, shape):
    return tf.data.Dataset.from_generator(make, output_signature=tf.TensorSpec(shape, tf.uint8))


GIVEN = {
    'array': (lambda: IMAGES, False),
    'tensor': (lambda: tf.constant(IMAGES), False),
    'array and labels': (lambda: (IMAGES, LABELS), True),
    'dataset of images': (lambda: DATASET(IMAGES), False),
    'dataset of pairs': (lambda: DATASET((IMAGES, LABELS)), True),
    'dataset of dicts': (
        lambda: DATASET({'image': IMAGES, 'id': np.arange(40), 'label': LABELS}),
        True,
    ),
    'dataset of dicts without labels': (lambda: DATASET({'image': IMAGES}), False),
    'unbatched dataset': (lambda: DATASET((IMAGES, LABELS)).batch(7).unbatch(), True),
    'generator': (lambda: from_generator(lambda: iter(IMAGES), [None, None, None]), False),
}


@pytest.mark.parametrize('kind', GIVEN)
def test_all_kinds_have_the_same_splits(kind):
    make, labelled = GIVEN[kind]
    found = as_dataset(make(), validation_size=5, test_size=0.25, record=DataRecord(EARLIER_RULES))
    assert (found.name, found.image_shape, found.num_classes) == (
        'given',
        (6, 5, 3),
        4 if labelled else None,
    )
    order = holdout.mixed_order(40)
    for split, positions in (
        (found.train, order[:25]),
        (found.validation, order[25:30]),
        (found.test, order[30:]),
    ):
        images, labels = read(split)
        np.testing.assert_array_equal(images, IMAGES[positions])
        np.testing.assert_array_equal(
            labels, LABELS[positions] if labelled else np.full(len(positions), -1)
        )
    new = as_dataset(make(), validation_size=5, test_size=10)
    assert [split.num_examples for split in (new.train, new.validation, new.test)] == [25, 5, 10]
    for split in (new.train, new.validation, new.test):
        images, labels = read(split)
        places = [np.flatnonzero((IMAGES == image).all((1, 2, 3)))[0] for image in images]
        assert list(labels) == [LABELS[place] if labelled else -1 for place in places]
    assert prints(new) == prints(as_dataset(IMAGES, validation_size=5, test_size=10))


def test_by_default_about_a_tenth_is_held_out_each():
    many = np.random.default_rng(1).integers(0, 256, (2000, 2, 2, 1), dtype=np.uint8)
    found = as_dataset(many)
    counts = [split.num_examples for split in (found.train, found.validation, found.test)]
    assert sum(counts) == 2000 and all(150 < count < 250 for count in counts[1:])
    assert as_dataset(IMAGES, validation_size=0).validation.num_examples == 0
    earlier = as_dataset(IMAGES, record=DataRecord(EARLIER_RULES))
    assert [earlier.validation.num_examples, earlier.test.num_examples] == [4, 4]


def test_grey_images_may_lack_the_channel_axis():
    found = as_dataset(IMAGES[..., 0], name='grey')
    assert (found.name, found.image_shape) == ('grey', (6, 5, 1))
    assert all((IMAGES[..., :1] == image).all((1, 2, 3)).any() for image in read(found.test)[0])


def test_arrays_may_be_changed_afterwards():
    images = IMAGES.copy()
    found = as_dataset(images)
    images[:] = 0
    assert prints(found) == prints(as_dataset(IMAGES))


def test_paths_and_sources_are_those_of_load_dataset(tmp_path, monkeypatch):
    np.savez(tmp_path / 'mine.npz', images=IMAGES, labels=LABELS)
    (tmp_path / 'folder').mkdir()
    for number, image in enumerate(IMAGES[:12]):
        Image.fromarray(image).save(tmp_path / 'folder' / f'{number:02}.png')
    archive = prints(load_dataset(f'npz:{tmp_path}/mine.npz', test_size=6))
    for path in (tmp_path / 'mine.npz', f'{tmp_path}/mine.npz', f'npz:{tmp_path}/mine.npz'):
        assert prints(as_dataset(path, test_size=6)) == archive
    # The same images as an array have the same splits.
    assert prints(as_dataset(IMAGES, test_size=6)) == archive
    folder = as_dataset(tmp_path / 'folder', validation_size=2, test_size=3)
    assert folder.name == 'folder'
    assert prints(folder) == prints(
        load_dataset(f'folder:{tmp_path}/folder', validation_size=2, test_size=3)
    )
    assert as_dataset('digits').num_classes == 10
    monkeypatch.chdir(tmp_path)
    assert as_dataset('folder:folder', name='mine').name == 'mine'
    # A folder with the name of a source needs a path.
    (tmp_path / 'folder').rename('digits')
    assert (
        as_dataset('digits').train.num_examples == 1293 and as_dataset('./digits').name == 'digits'
    )
    assert as_dataset('./digits').image_shape == (6, 5, 3)


def test_an_image_dataset_is_returned_unchanged():
    ours = as_dataset(IMAGES)
    assert as_dataset(ours) is ours and as_dataset(ours, name='other') == dataclasses.replace(
        ours, name='other'
    )
    with pytest.raises(ValueError, match=r"already has splits; .*got \{'test_size': 3\}"):
        as_dataset(ours, test_size=3)


def endless():
    return DATASET(IMAGES).repeat()


def sizes():
    yield np.zeros((4, 4, 3), np.uint8)
    yield np.zeros((4, 5, 3), np.uint8)


@pytest.mark.parametrize(
    'make, message',
    [
        (
            lambda: IMAGES > 100,
            r'`images` must be uint8 from 0 to 255; got bool .*Multiply values from 0 to 1 by '
            r'255 and cast',
        ),
        (lambda: IMAGES.astype(np.int64), 'must be uint8 from 0 to 255; got int64'),
        (
            lambda: IMAGES[0, 0],
            r'\[n, height, width, channels\] or \[n, height, width\] and not empty; got \(5, 3\)',
        ),
        (lambda: IMAGES[None], r'and not empty; got \(1, 40, 6, 5, 3\)'),
        (lambda: IMAGES[:0], r'not empty; got \(0, 6, 5, 3\)'),
        (
            lambda: (IMAGES, LABELS[:39]),
            r'labels of `images` must be non-negative integers \[40\], one per image; got int64 '
            r'\(39,\)',
        ),
        (lambda: (IMAGES, LABELS - 1), r'non-negative integers .* with -1'),
        (lambda: (IMAGES, LABELS / 2), r'non-negative integers \[40\].*got float64'),
        (lambda: (IMAGES, np.array(['cat'] * 40)), 'non-negative integers'),
        (
            lambda: (IMAGES, LABELS, LABELS),
            r'tuple \(images, labels\) of arrays.*got \(ndarray, ndarray, ndarray\)',
        ),
        (lambda: ((IMAGES, LABELS), (IMAGES, LABELS)), r'got \(tuple, tuple\)'),
        (lambda: list(IMAGES), '`images` must be an array .*; got list'),
        (lambda: None, 'got NoneType'),
        (lambda: 'tfd:cifar10', 'not a folder, an .npz or .npy file, or a source'),
        (lambda: 'nowhere', r"got 'nowhere', which is not a folder.*working directory"),
        (lambda: 'nowhere.npz', 'nowhere.npz cannot be read'),
        (
            lambda: DATASET(IMAGES).batch(8),
            r'single images .*; got batches \(None, 6, 5, 3\)\. Call \.unbatch\(\)',
        ),
        (lambda: DATASET((IMAGES, LABELS)).batch(8), r'Call \.unbatch\(\)'),
        (
            lambda: DATASET(IMAGES / np.float32(255)),
            r'uint8 from 0 to 255 .*got float32 \(6, 5, 3\)\. Multiply .* by 255',
        ),
        (lambda: DATASET(IMAGES[..., 0]), r'\[height, width, channels\]; got uint8 \(6, 5\)'),
        (lambda: DATASET((IMAGES, LABELS, LABELS)), 'must consist of images, of pairs'),
        (lambda: DATASET({'picture': IMAGES}), "dicts with 'image'"),
        (lambda: DATASET((IMAGES, np.eye(4)[LABELS])), r'non-negative integers \[40\].*\(40, 4\)'),
        (endless, 'repeats forever'),
        (lambda: DATASET(IMAGES).take(0), 'an empty one'),
        (lambda: from_generator(sizes, [None, None, 3]), 'must have the same size'),
    ],
)
def test_errors_explain_the_problem(make, message):
    with pytest.raises(ValueError, match=message):
        as_dataset(make())


@pytest.mark.parametrize(
    'sizes, message',
    [
        ({'test_size': 40}, '`test_size` must leave at least one'),
        ({'test_size': 0}, '`test_size` must leave'),
        ({'validation_size': 1.5}, '`validation_size` must be a number'),
        ({'validation_size': 39}, 'must leave at least one'),
    ],
)
def test_every_part_must_have_images(sizes, message):
    with pytest.raises(ValueError, match=message):
        as_dataset(IMAGES, **{'test_size': 4, **sizes})


@pytest.mark.parametrize(
    'make', [lambda: IMAGES, lambda: DATASET(IMAGES)], ids=['array', 'dataset']
)
def test_images_that_exceed_the_memory_limit_are_rejected(monkeypatch, make):
    monkeypatch.setattr(dataset_module, 'MAX_ARRAY_BYTES', IMAGES.nbytes - 1)
    with pytest.raises(ValueError, match='sources `folder:` and `tfds:`'):
        as_dataset(make())
    monkeypatch.setattr(dataset_module, 'MAX_ARRAY_BYTES', IMAGES.nbytes)
    assert as_dataset(make()).image_shape == (6, 5, 3)


def test_reading_of_an_endless_dataset_stops_at_the_memory_limit(monkeypatch):
    def forever():
        while True:
            yield IMAGES[0]

    monkeypatch.setattr(dataset_module, 'MAX_ARRAY_BYTES', 10**6)
    with pytest.raises(ValueError, match='held in memory'):
        as_dataset(from_generator(forever, [6, 5, 3]))


@pytest.mark.parametrize(
    'given, kept',
    [('uint8', 'uint8'), ('uint16', 'uint16'), ('float32', 'float32')]
    + [('float64', 'float32'), ('float16', 'float32')],
)
def test_the_type_of_an_array_decides(given, kept):
    images = IMAGES.astype(given)
    found = as_dataset(images)
    batch = found.train.load(tf.range(found.train.num_examples, dtype=tf.int64))
    assert found.image_type == kept and batch['image'].dtype == kept
    known = {image.tobytes() for image in images.astype(kept)}
    assert {image.tobytes() for image in batch['image'].numpy()} <= known


def test_floats_must_be_finite():
    images = IMAGES.astype(np.float32)
    images[3, 0, 0, 0] = np.inf
    with pytest.raises(ValueError, match='`images` must be finite .* with 1 values that are not'):
        as_dataset(images)
