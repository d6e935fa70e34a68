"""Binary attributes beside the class label: of CelebA, arrays and folders; one of them as label."""

import dataclasses
import io
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

from tfwolf.data import dataset as dataset_module
from tfwolf.data.data_changes import changes
from tfwolf.data.data_record import RULES, record_of
from tfwolf.data.pipeline import training_batches
from tfwolf.data.sources import load_dataset

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (60, 6, 5, 3), dtype=np.uint8)
NAMES = np.array(['Smiling', 'Eyeglasses', 'Young'])
VALUES = RANDOM.random((60, 3)) < 0.5


def read(split):
    found = split.load(tf.range(split.num_examples, dtype=tf.int64))
    return {name: values.numpy() for name, values in found.items()}


def rows_of(split):
    """Returns `{bytes of an image: its attributes}`."""
    found = read(split)
    return {
        image.tobytes(): row.tolist() for image, row in zip(found['image'], found['attributes'])
    }


def archive(tmp_path, **changes):
    arrays = {'images': IMAGES, 'attributes': VALUES, 'attribute_names': NAMES, **changes}
    kept = {name: array for name, array in arrays.items() if array is not None}
    np.savez(tmp_path / 'a.npz', **kept)
    return f'npz:{tmp_path}/a.npz'


def expected(images=IMAGES, values=VALUES):
    return {image.tobytes(): row.tolist() for image, row in zip(images, values)}


@pytest.mark.parametrize('kind', ['bool', '0 and 1', '-1 and 1'])
def test_arrays_have_attributes(tmp_path, kind):
    values = {'bool': VALUES, '0 and 1': VALUES.astype(np.uint8), '-1 and 1': 2 * VALUES - 1}[kind]
    found = load_dataset(archive(tmp_path, attributes=values, labels=np.arange(60) % 4))
    assert found.attributes == ('Smiling', 'Eyeglasses', 'Young') and found.num_classes == 4
    for split in (found.train, found.validation, found.test):
        own = rows_of(split)
        assert own and own.items() <= expected().items()
    assert 'images for all splits with labels and attributes' in found.notes[0]


def test_an_attribute_is_the_label(tmp_path):
    source = archive(tmp_path, labels=np.arange(60) % 4)
    found, plain = load_dataset(source, label='Young'), load_dataset(source)
    assert found.num_classes == 2 and found.classes == ('not Young', 'Young')
    assert [found.class_name(label) for label in (0, 1)] == ['not Young', 'Young']
    for name in ('train', 'validation', 'test'):
        split = getattr(found, name)
        own = read(split)
        assert own['label'].dtype == np.int64
        np.testing.assert_array_equal(own['label'], own['attributes'][:, 2])
        np.testing.assert_array_equal(own['image'], read(getattr(plain, name))['image'])
        np.testing.assert_array_equal(split.identities.labels, own['label'])
    # The choice of the label is no change of the images.
    assert changes(record_of(plain, RULES), record_of(found, RULES)) == ()
    batch = next(iter(training_batches(found.train, 4, seed=0)))
    assert set(batch) == {'image', 'label'} and set(batch['label'].numpy()) <= {0, 1}


def test_changed_attributes_are_told(tmp_path):
    before = record_of(load_dataset(archive(tmp_path)), RULES)
    now = record_of(load_dataset(archive(tmp_path, attributes=~VALUES)), RULES)
    assert changes(before, now) == tuple(
        f'{name}: other labels or attributes' for name in ('train', 'validation', 'test')
    )


@pytest.mark.parametrize(
    'label, message',
    [
        ('Smilling', "Did you mean 'Smiling'"),
        ('smiling', "Did you mean 'Smiling'"),
        ('Hat', 'The attributes are Smiling, Eyeglasses, Young'),
        (3, 'got 3'),
    ],
)
def test_unknown_attributes_are_answered(tmp_path, label, message):
    with pytest.raises(ValueError, match=message):
        load_dataset(archive(tmp_path), label=label)


def test_images_without_attributes_say_where_they_come_from(tmp_path):
    source = archive(tmp_path, attributes=None, attribute_names=None)
    with pytest.raises(ValueError, match='a has none; got .Smiling.. Attributes come from tfds'):
        load_dataset(source, label='Smiling')
    np.savez(tmp_path / 'v.npz', x=RANDOM.normal(size=(30, 2)))
    with pytest.raises(ValueError, match='v has none'):
        load_dataset(f'npz:{tmp_path}/v.npz', label='Smiling')


@pytest.mark.parametrize(
    'arrays, message',
    [
        ({'attribute_names': None}, "must also have the names of the attributes in 'attribute_n"),
        ({'attributes': None}, 'it lacks attributes, bool'),
        ({'attributes': VALUES[:59]}, r'booleans \[60, 3\], a row for each .* got bool \(59, 3\)'),
        ({'attributes': VALUES[:, :2]}, r'of the 3 attribute names; got bool \(60, 2\)'),
        ({'attributes': VALUES + 1}, 'must be 0 or 1, or -1 or 1; got 2'),
        ({'attributes': VALUES - np.eye(60, 3, dtype=int)}, 'got both -1 and 0'),
        ({'attributes': VALUES.astype(float)}, 'got float64'),
        ({'attribute_names': NAMES[[0, 1, 0]]}, "each once .* got 'Smiling' twice"),
        ({'attribute_names': np.array(['a', '', 'b'])}, 'none empty'),
        ({'attribute_names': np.arange(3)}, 'array of strings'),
    ],
)
def test_bad_arrays_are_named(tmp_path, arrays, message):
    with pytest.raises(ValueError, match=message):
        load_dataset(archive(tmp_path, **arrays))


def test_every_split_needs_its_attributes(tmp_path):
    arrays = {
        'x_train': IMAGES[:40],
        'x_test': IMAGES[40:],
        'train_attributes': VALUES[:40],
        'attribute_names': NAMES,
    }
    np.savez(tmp_path / 'b.npz', **arrays)
    with pytest.raises(ValueError, match='it lacks test_attributes'):
        load_dataset(f'npz:{tmp_path}/b.npz')
    np.savez(tmp_path / 'b.npz', **arrays, test_attributes=VALUES[40:])
    found = load_dataset(f'npz:{tmp_path}/b.npz', label='Smiling')
    np.testing.assert_array_equal(read(found.test)['label'], VALUES[40:, 0])


def write_folder(root, header='file,Smiling,Eyeglasses,Young'):
    """Writes 12 images in folders of splits, and returns their lines of the table."""
    lines = [header]
    for number in range(12):
        place = 'test' if number >= 9 else 'train'
        (root / place).mkdir(exist_ok=True)
        Image.fromarray(IMAGES[number]).save(root / place / f'{number:03}.png')
        values = (2 * VALUES[number] - 1).tolist() if number % 2 else VALUES[number].astype(int)
        lines.append(','.join([f'{place}/{number:03}.png', *map(str, values)]))
    return lines


@pytest.mark.parametrize('memory', [True, False])
def test_folders_have_a_table(tmp_path, monkeypatch, memory):
    if not memory:
        monkeypatch.setattr(dataset_module, 'IN_MEMORY_BYTES', 0)
    lines = write_folder(tmp_path)
    lines[1] = lines[1].removeprefix('train/')
    (tmp_path / 'attributes.csv').write_text('\n'.join(lines) + '\n\n')
    found = load_dataset(f'folder:{tmp_path}', validation_size=2, label='Eyeglasses')
    assert found.attributes == tuple(NAMES) and 'skipped' not in found.notes[0]
    parts = [found.train, found.validation, found.test]
    assert {key: row for part in parts for key, row in rows_of(part).items()} == expected(
        IMAGES[:12], VALUES[:12]
    )
    for part in parts:
        own = read(part)
        np.testing.assert_array_equal(own['label'], own['attributes'][:, 1])


@pytest.mark.parametrize(
    'edit, message',
    [
        (lambda lines: lines[:-2], 'a line for every image; it lacks 2: test/010.png, test/011'),
        (lambda lines: [*lines, 'train/100.png,0,0,0'], "line 14: there is no image 'train/100"),
        (lambda lines: [*lines, lines[3]], "line 14: 'train/002.png' has a line already"),
        (lambda lines: [*lines[:3], 'train/002.png,0,yes,1'], "line 4: Eyeglasses .* got 'yes'"),
        (lambda lines: [*lines[:3], 'train/002.png,0,1'], 'line 4: .*3 attributes .* got 2'),
        (lambda lines: [], 'is empty'),
        (lambda lines: ['file'], 'must name at least one attribute'),
        (lambda lines: ['file,a,a'], "got 'a' twice"),
    ],
)
def test_bad_tables_are_named_with_the_line(tmp_path, edit, message):
    (tmp_path / 'attributes.csv').write_text('\n'.join(edit(write_folder(tmp_path))))
    with pytest.raises(ValueError, match=message):
        load_dataset(f'folder:{tmp_path}')


def test_a_name_of_several_images_is_ambiguous(tmp_path):
    for place in ('train', 'test'):
        (tmp_path / place).mkdir()
        for number in range(3):
            Image.fromarray(IMAGES[number]).save(tmp_path / place / f'{number}.png')
    (tmp_path / 'attributes.csv').write_text('file,a\n0.png,1\n')
    with pytest.raises(ValueError, match='line 2: several images have the name .0.png.'):
        load_dataset(f'folder:{tmp_path}')


@pytest.fixture
def celeb_a(tmp_path, monkeypatch):
    """A small celeb_a, prepared by the builder of TFDS: its folder and `{image: attributes}`."""
    builder = tfds.builder_cls('celeb_a')
    headings = sys.modules[builder.__module__]
    monkeypatch.setattr('tfwolf.data.tfds_builder.silent_hosts', lambda addresses: [])
    known = {}

    def examples(self, part):
        for number in range({'train': 12, 'validation': 3, 'test': 5}[part]):
            file = io.BytesIO()
            pixels = RANDOM.integers(0, 256, (7, 6, 3), dtype=np.uint8)
            Image.fromarray(pixels).resize((178, 218)).save(file, 'JPEG')
            values = RANDOM.random(40) < 0.5
            known[f'{part}{number}'] = dict(zip(headings.ATTR_HEADINGS, values.tolist()))
            landmarks = dict.fromkeys(headings.LANDMARK_HEADINGS, number)
            yield (
                f'{part}{number}',
                {
                    'image': file.getvalue(),
                    'landmarks': landmarks,
                    'identity': {'Identity_No': number},
                    'attributes': known[f'{part}{number}'],
                },
            )

    monkeypatch.setattr(builder, '_generate_examples', examples)
    monkeypatch.setattr(
        builder,
        '_split_generators',
        lambda self, _: [
            tfds.core.SplitGenerator(name=part, gen_kwargs={'part': part})
            for part in ('train', 'validation', 'test')
        ],
    )
    load_dataset('tfds:celeb_a', data_dir=str(tmp_path), image_size=(16, 16), validation_size=2)
    return tmp_path, known


@pytest.mark.parametrize('memory', [True, False])
def test_celeb_a_has_its_40_attributes(celeb_a, monkeypatch, memory):
    folder, known = celeb_a
    if not memory:
        monkeypatch.setattr(dataset_module, 'IN_MEMORY_BYTES', 0)
        monkeypatch.setattr(dataset_module, 'MAX_ARRAY_BYTES', 0)
    options = {'data_dir': str(folder), 'image_size': (16, 16), 'validation_size': 2}
    found = load_dataset('tfds:celeb_a', download=False, **options)
    assert len(found.attributes) == 40 and 'Smiling' in found.attributes
    assert found.num_classes is None and set(read(found.train)['label']) == {-1}
    rows = np.concatenate([read(part)['attributes'] for part in (found.train, found.validation)])
    own = sorted(rows.tolist())
    assert own == sorted(
        [values[name] for name in found.attributes]
        for key, values in known.items()
        if key.startswith('train')
    )
    labelled = load_dataset('tfds:celeb_a', label='Smiling', **options)
    place = found.attributes.index('Smiling')
    np.testing.assert_array_equal(
        read(labelled.test)['label'], read(found.test)['attributes'][:, place]
    )
    with pytest.raises(ValueError, match="Did you mean 'Wearing_Hat'"):
        load_dataset('tfds:celeb_a', label='Wearing_hat', **options)


def test_classes_of_tfds_have_names(tmp_path, monkeypatch):
    monkeypatch.setattr('tfwolf.data.tfds_builder.silent_hosts', lambda addresses: [])
    builder = tfds.builder_cls('mnist')
    names = ['zero', 'one', 'two']
    features = tfds.features.FeaturesDict(
        {
            'image': tfds.features.Image(shape=(28, 28, 1)),
            'label': tfds.features.ClassLabel(names=names),
        }
    )
    monkeypatch.setattr(
        builder, '_info', lambda self: tfds.core.DatasetInfo(builder=self, features=features)
    )
    monkeypatch.setattr(
        builder,
        '_split_generators',
        lambda self, _: [
            tfds.core.SplitGenerator(name=part, gen_kwargs={}) for part in ('train', 'test')
        ],
    )
    monkeypatch.setattr(
        builder,
        '_generate_examples',
        lambda self: (
            (i, {'image': np.full((28, 28, 1), i, np.uint8), 'label': i % 3}) for i in range(6)
        ),
    )
    found = load_dataset('tfds:mnist', data_dir=str(tmp_path), validation_size=1)
    assert found.classes == ('zero', 'one', 'two') and found.class_name(1) == 'one'
    # Runs of earlier versions did not store them.
    earlier = dataclasses.replace(record_of(found, RULES), classes=None)
    assert changes(earlier, record_of(found, RULES)) == ()
