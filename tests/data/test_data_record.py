"""What a run stores of its images, and what it says after they have changed."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tfwolf.data import data_record
from tfwolf.data.array_split import ArraySplit
from tfwolf.data.data_changes import changes
from tfwolf.data.data_record import EARLIER_RULES, RULES, DataRecord, from_json, record_of
from tfwolf.data.dataset import ImageDataset
from tfwolf.data.given import as_dataset
from tfwolf.data.sources import DataSource, load_dataset

IMAGES = np.random.default_rng(0).integers(0, 256, (60, 6, 5, 3), dtype=np.uint8)
LABELS = np.arange(60) % 4


@pytest.fixture
def folder(tmp_path):
    """Returns a folder of two splits, with 20 and 10 images of two classes."""
    for split, count in (('train', 20), ('test', 10)):
        for number in range(count):
            path = tmp_path / 'data' / split / 'ab'[number % 2] / f'{number:02}.png'
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(IMAGES[number + (30 if split == 'test' else 0)]).save(path)
    return tmp_path / 'data'


def record(source, rules=RULES, **options):
    return record_of(DataSource(source, options).load(record=DataRecord(rules)), rules)


def in_folder(folder):
    return record(f'folder:{folder}', validation_size=0)


def test_nothing_changes_by_copying_or_saving_the_record(folder, tmp_path):
    before = in_folder(folder)
    shutil.copytree(folder, tmp_path / 'copy')
    assert changes(before, in_folder(tmp_path / 'copy')) == ()
    (tmp_path / 'copy' / 'train').rename(tmp_path / 'copy' / 'TRAINING')
    assert changes(before, in_folder(tmp_path / 'copy')) == ()
    stored = json.loads(json.dumps([data_record.summary(before), data_record.images(before)]))
    assert from_json(*stored) == before


def add(folder):
    shutil.copy(folder / 'train' / 'a' / '00.png', folder / 'train' / 'a' / 'new.png')


def remove(folder):
    for name in ('a/00.png', 'b/01.png', 'a/02.png', 'b/03.png'):
        (folder / 'test' / name).unlink()


def edit(folder):
    path = folder / 'test' / 'b' / '05.png'
    size = path.stat().st_size
    content = bytearray(path.read_bytes())
    for name in range(30, 50):
        Image.fromarray(IMAGES[name]).save(path)
        if path.stat().st_size == size and path.read_bytes() != content:
            break


def swap(folder):
    (folder / 'test' / 'b' / '05.png').rename(folder / 'test' / 'x.png')
    (folder / 'train' / 'b' / '05.png').rename(folder / 'test' / 'b' / '05.png')
    (folder / 'test' / 'x.png').rename(folder / 'train' / 'b' / '05.png')


def relabel(folder):
    (folder / 'test' / 'a' / '00.png').rename(folder / 'test' / 'b' / '00.png')


def rename_class(folder):
    for split in ('train', 'test'):
        (folder / split / 'a').rename(folder / split / 'c')


def move(folder):
    (folder / 'test' / 'a' / '08.png').rename(folder / 'train' / 'a' / 'x.png')


@pytest.mark.parametrize(
    'change, lines',
    [
        (add, ('train: 1 added (a/new.png)',)),
        (remove, ('test: 4 removed (a/00.png, a/02.png, b/01.png and 1 more)',)),
        (edit, ('test: 1 changed (b/05.png)',)),
        (swap, ('train: 1 changed (b/05.png)', 'test: 1 changed (b/05.png)')),
        (relabel, ('test: 1 renamed (a/00.png to b/00.png)',)),
        (move, ('1 moved from test to train (a/08.png)',)),
        (
            rename_class,
            (
                'classes: a, b before, b, c now',
                'train: 10 renamed (a/00.png to c/00.png, a/02.png to c/02.png, a/04.png to '
                'c/04.png and 7 more)',
                'test: 5 renamed (a/00.png to c/00.png, a/02.png to c/02.png, a/04.png to '
                'c/04.png and 2 more)',
            ),
        ),
    ],
)
def test_changes_of_a_folder_are_told(folder, change, lines):
    before = in_folder(folder)
    change(folder)
    assert changes(before, in_folder(folder)) == lines


def test_images_that_the_earlier_rules_move_are_told(tmp_path):
    for number in range(60):
        Image.fromarray(IMAGES[number]).save(tmp_path / f'{number:02}.png')
    before = record(f'folder:{tmp_path}', EARLIER_RULES)
    Image.fromarray(IMAGES[0]).save(tmp_path / '00a.png')
    lines = changes(before, record(f'folder:{tmp_path}', EARLIER_RULES))
    assert any('moved from test to train' in line for line in lines)


def saved(tmp_path, **arrays):
    np.savez(tmp_path / 'a.npz', **arrays)
    return record(f'npz:{tmp_path}/a.npz')


def test_changes_of_arrays_are_told(tmp_path):
    def given(images=IMAGES[:40], test=IMAGES[40:], labels=LABELS[40:]):
        return saved(
            tmp_path,
            train_images=images,
            train_labels=np.arange(len(images)) % 4,
            test_images=test,
            test_labels=labels,
        )

    before = given()
    assert changes(before, given()) == ()
    for now, lines in (
        (given(test=0 * IMAGES[40:]), ('test: 20 added, 20 removed',)),
        (given(test=IMAGES[41:], labels=LABELS[41:]), ('test: 1 removed',)),
        (given(test=IMAGES[:39:-1], labels=LABELS[:39:-1]), ('test: another order of images',)),
        (given(labels=LABELS[40:] ^ 1), ('test: other labels or attributes',)),
    ):
        assert changes(before, now) == lines
    alone = saved(tmp_path, images=IMAGES)
    grown = saved(tmp_path, images=np.concatenate([0 * IMAGES[:1], IMAGES]))
    (line,) = changes(alone, grown)
    assert line.endswith(': 1 added')
    (line, *_) = changes(alone, saved(tmp_path, images=IMAGES[:, :4]))
    assert line == 'image size: 6, 5, 3 before, 4, 5, 3 now'


def test_images_from_python_and_generated_ones_have_a_record():
    assert changes(record_of(as_dataset(IMAGES), RULES), record_of(as_dataset(IMAGES), RULES)) == ()
    lines = changes(record_of(as_dataset(IMAGES), RULES), record_of(as_dataset(IMAGES[1:]), RULES))
    assert len(lines) == 1 and lines[0].endswith(': 1 removed')
    digits = record_of(load_dataset('digits'), RULES)
    assert changes(digits, record_of(load_dataset('digits'), RULES)) == ()
    fewer = record_of(load_dataset('digits', validation_size=7), RULES)
    assert changes(digits, fewer) == (
        'train: 1,293 images before, 1,430 now',
        'validation: 144 images before, 7 now',
    )


def test_images_of_a_custom_source_are_sampled():
    def dataset(images):
        split = ArraySplit(lambda: (images, None), len(images), images.shape[1:])
        return ImageDataset('own', images.shape[1:], None, split, split.select([]), split)

    before = record_of(dataset(IMAGES), RULES)
    assert changes(before, record_of(dataset(IMAGES.copy()), RULES)) == ()
    assert changes(before, record_of(dataset(255 - IMAGES), RULES)) == (
        'train: other images',
        'test: other images',
    )


def test_data_of_tfds_are_known_by_version_and_files(shared):
    source = DataSource('tfds:cifar10')
    before = record_of(source.load(str(shared / 'tfds')), RULES)
    assert changes(before, record_of(source.load(str(shared / 'tfds')), RULES)) == ()
    assert before.splits['train'].sha256 is None
    newer = DataRecord(
        **{
            **before.__dict__,
            'origin': {**before.origin, 'version': '9.0.0', 'splits': {'train': {}}},
        }
    )
    assert changes(before, newer) == (
        'test, train: the files have other sizes or other numbers of images',
        'version: 3.0.2 before, 9.0.0 now',
    )
