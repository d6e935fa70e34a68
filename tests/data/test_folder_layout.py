"""Folders of images: layouts, what is skipped, bad files, and images that are held out."""

import numpy as np
import pytest
from PIL import Image

from tfwolf.data.folder_layout import SPLIT_FOLDERS
from tfwolf.data.sources import load_dataset


def write_images(folder, count, seed=0, suffix='.png', size=(4, 4, 3)):
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    for index in range(count):
        image = Image.fromarray(random.integers(0, 256, size, dtype=np.uint8))
        image.save(folder / f'{index:03}{suffix}')


def split_of_names(dataset):
    """Returns `{name of a file: split}`."""
    return {
        name: split
        for split in ('train', 'validation', 'test')
        for name in getattr(dataset, split).identities.names
    }


def counts(dataset):
    return [getattr(dataset, name).num_examples for name in ('train', 'validation', 'test')]


def load(folder, **options):
    return load_dataset(f'folder:{folder}', **options)


def labels_of(split):
    return split.load(np.arange(split.num_examples))['label'].numpy()


def test_a_new_file_moves_no_other(tmp_path):
    for kind in 'ab':
        write_images(tmp_path / kind, 100, seed=ord(kind))
    before = split_of_names(load(tmp_path))
    assert len(before) == 200
    for name in ('000 copy.png', 'first.PNG', 'zebra.png', 'Ж.png'):
        Image.fromarray(np.full((4, 4, 3), len(name), np.uint8)).save(tmp_path / 'a' / name)
        after = split_of_names(load(tmp_path))
        assert {key: after[key] for key in before} == before and len(after) > len(before)
        before = after
    (tmp_path / 'b' / '007.png').unlink()
    del before['b/007.png']
    assert split_of_names(load(tmp_path)) == before


def test_a_number_of_images_is_exact_and_a_new_file_replaces_at_most_one(tmp_path):
    write_images(tmp_path, 60)
    first = load(tmp_path, test_size=7, validation_size=5)
    assert counts(first) == [48, 5, 7]
    before = split_of_names(first)
    for number in range(5):
        write_images(tmp_path, 61 + number)
        after = split_of_names(load(tmp_path, test_size=7, validation_size=5))
        for split in ('test', 'validation'):
            kept = [key for key, value in before.items() if value == after[key] == split]
            assert len(kept) >= {'test': 7, 'validation': 5}[split] - 1
        before = after


def test_a_moved_or_renamed_folder_has_the_same_splits(tmp_path):
    write_images(tmp_path / 'one', 40)
    before = split_of_names(load(tmp_path / 'one'))
    (tmp_path / 'one').rename(tmp_path / 'two')
    assert split_of_names(load(tmp_path / 'two')) == before
    (tmp_path / 'link').symlink_to(tmp_path / 'two')
    assert split_of_names(load(tmp_path / 'link')) == before


def test_a_fraction_is_held_out_also_of_few_images(tmp_path):
    write_images(tmp_path, 3)
    assert counts(load(tmp_path)) == [1, 1, 1]
    write_images(tmp_path, 400)
    train, validation, test = counts(load(tmp_path, test_size=0.25, validation_size=0.5))
    assert 70 <= test <= 130 and 110 <= validation <= 190 and train + validation + test == 400


@pytest.mark.parametrize('name', sorted(SPLIT_FOLDERS))
@pytest.mark.parametrize('style', [str.lower, str.upper, str.title])
def test_folders_of_splits_have_many_names_in_any_case(tmp_path, name, style):
    split = SPLIT_FOLDERS[name]
    write_images(tmp_path / style(name), 12, seed=1)
    for seed, other in enumerate({'train', 'test'} - {split}):
        write_images(tmp_path / other, 30, seed=2 + seed)
    dataset = load(tmp_path)
    assert dataset.num_classes is None
    found = getattr(dataset, split)
    assert found.num_examples == 12 if split != 'train' else 8 <= found.num_examples < 12
    assert any(f'for {split} (folder {style(name)})' in note for note in dataset.notes)


@pytest.mark.parametrize(
    'folders, expected',
    [
        ({'train': 20, 'val': 5, 'test': 4}, [20, 5, 4]),
        ({'Training': 20, 'Validation': 5, 'Testing': 4}, [20, 5, 4]),
        ({'TRAIN': 20, 'Test': 4}, [20, 4]),
        ({'train': 30, 'valid': 5}, [30, 5, 0]),
        ({'train': 30}, [30, 0]),
    ],
)
def test_what_is_missing_is_held_out_of_the_training_images(tmp_path, folders, expected):
    for seed, (name, count) in enumerate(folders.items()):
        write_images(tmp_path / name, count, seed)
    dataset = load(tmp_path)
    train, validation, test = counts(dataset)
    assert train and validation and test and sum(folders.values()) == train + validation + test
    if len(expected) == 3:
        assert validation == expected[1] and test == (expected[2] or 30 - train)
    else:
        assert test == (expected[1] or 30 - train - validation)


@pytest.mark.parametrize('folder', ['', 'deep/er/'])
def test_class_folders_may_be_nested_and_are_the_same_in_all_splits(tmp_path, folder):
    for split, count in (('Train', 9), ('val', 3), ('TEST', 4)):
        for kind in ('cat', 'dog'):
            write_images(tmp_path / split / kind / folder, count, seed=ord(kind[0]) + count)
    dataset = load(tmp_path)
    assert (dataset.num_classes, dataset.classes) == (2, ('cat', 'dog'))
    assert counts(dataset) == [18, 6, 8]
    for split in (dataset.train, dataset.validation, dataset.test):
        names, labels = split.identities.names, labels_of(split)
        assert [name.startswith('dog') for name in names] == [label == 1 for label in labels]
    assert '2 classes, one per folder (cat, dog)' in dataset.notes[0]


def test_a_split_may_lack_a_class_or_have_no_labels(tmp_path):
    for kind in ('ant', 'bee', 'cat'):
        write_images(tmp_path / 'train' / kind, 5, seed=ord(kind[0]))
    write_images(tmp_path / 'test' / 'cat', 3, seed=9)
    assert set(labels_of(load(tmp_path).test)) == {2}
    (tmp_path / 'test' / 'cat').rename(tmp_path / 'test' / 'dog')
    with pytest.raises(ValueError, match='must have the same class folders .* it also has dog'):
        load(tmp_path)
    for file in (tmp_path / 'test' / 'dog').iterdir():
        file.rename(tmp_path / 'test' / file.name)
    (tmp_path / 'test' / 'dog').rmdir()
    found = load(tmp_path)
    assert set(labels_of(found.test)) == {-1} and found.test.identities.labels is None


def test_what_is_skipped_is_named_and_counted(tmp_path):
    write_images(tmp_path / 'train', 12, seed=1)
    write_images(tmp_path / 'test', 3, seed=2)
    (tmp_path / 'train' / 'notes.txt').write_text('Dear all')
    (tmp_path / 'train' / '.hidden.png').write_bytes(b'')
    (tmp_path / 'train' / 'sketch.svg').touch()
    write_images(tmp_path / 'extra', 2)
    write_images(tmp_path / '__MACOSX', 1)
    (tmp_path / 'test' / 'back').symlink_to(tmp_path)
    first = '__MACOSX, extra, train/.hidden.png, train/notes.txt, train/sketch.svg'
    assert load(tmp_path).notes[0].endswith(f'; 6 skipped ({first} and 1 more)')


@pytest.mark.parametrize(
    'folders, message',
    [
        (
            ['train', 'Train', 'test'],
            r"'Train' and 'train', which both may be the images for train",
        ),
        (['val', 'validation', 'train'], 'both may be the images for validation'),
        (['train', 'bus', 'car'], "has the folder 'train' next to 'bus' and 'car'. Is it a split"),
        (['test'], "has 'test', but no training images"),
        (['val', 'test'], "has 'val' and 'test', but no training images"),
        (
            ['images/train', 'images/test'],
            "has the name of a split, but is within .*images'? is no",
        ),
        (['cat/train', 'cat/test', 'dog/train'], 'has the name of a split, but is within'),
    ],
)
def test_ambiguous_layouts_are_errors(tmp_path, folders, message):
    for folder in folders:
        write_images(tmp_path / folder, 3)
    with pytest.raises(ValueError, match=message):
        load(tmp_path)


def test_images_next_to_class_folders_are_an_error(tmp_path):
    write_images(tmp_path, 2)
    write_images(tmp_path / 'cat', 2)
    with pytest.raises(ValueError, match='either images or one folder per class; it holds both'):
        load(tmp_path)


def test_all_bad_files_are_listed_at_once_and_may_be_skipped(tmp_path):
    write_images(tmp_path, 30)
    good = (tmp_path / '003.png').read_bytes()
    bad = {'000.png': b'', '004.png': good[:50], '008.png': b'Dear all', '029.png': good[:-30]}
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
    write_images(tmp_path / 'other', 1, size=(5, 4, 3))
    (tmp_path / 'other' / '000.png').rename(tmp_path / '011.png')
    (tmp_path / 'other').rmdir()
    with pytest.raises(ValueError, match='5 image files cannot be used') as raised:
        load(tmp_path)
    message = str(raised.value)
    assert all(name in message for name in (*bad, '011.png')) and message.count('\n') == 5
    assert 'dataset.skip_bad_images = True' in message
    found = load(tmp_path, skip_bad_images=True)
    assert sum(counts(found)) == 25 and not set(split_of_names(found)) & {*bad, '011.png'}
    assert any(note.startswith('5 bad images are skipped: ') for note in found.notes)
    for number in range(30):
        (tmp_path / f'{number:03}.png').write_text('bad')
    with pytest.raises(ValueError, match='30 image files cannot be used'):
        load(tmp_path, skip_bad_images=True)


def test_files_of_all_types_are_read_together(tmp_path):
    for number, suffix in enumerate(('.png', '.JPG', '.jpeg', '.bmp', '.gif', '.webp', '.TIF')):
        write_images(tmp_path / suffix, 1, number, suffix)
    np.save(tmp_path / 'array.npy', np.zeros((4, 4, 3), np.uint8))
    (tmp_path / 'arrays').mkdir()
    (tmp_path / 'array.npy').rename(tmp_path / 'arrays' / 'array.npy')
    for folder in list(tmp_path.iterdir()):
        folder.rename(tmp_path / f'of{folder.name.replace(".", "_")}')
    found = load(tmp_path, test_size=1, validation_size=1)
    assert sum(counts(found)) == 8 and found.image_shape == (4, 4, 3)


def test_names_need_not_be_unicode(tmp_path):
    write_images(tmp_path, 5)
    for name in (b'na\xefve.png', 'ひらがな.png'.encode(), b'with space, and comma.png'):
        path = tmp_path.joinpath(name.decode('utf-8', 'surrogateescape'))
        path.write_bytes((tmp_path / '000.png').read_bytes())
    found = load(tmp_path, image_size=(2, 2), resize='random_crop', shorter_side=4)
    for split in (found.train, found.validation, found.test):
        split.load(np.arange(split.num_examples))
    assert sum(counts(found)) == 8
    (tmp_path / '000.png').rename(tmp_path.joinpath(b'.\xef'.decode('utf-8', 'surrogateescape')))
    assert r'skipped (.\xef)' in load(tmp_path).notes[0]


def test_images_in_two_splits_are_pointed_out(tmp_path):
    write_images(tmp_path / 'train', 12, seed=1)
    write_images(tmp_path / 'test', 3, seed=1)
    found = load(tmp_path, validation_size=0)
    assert found.notes[-1].startswith('WARNING: 3 test images are also training images')


def test_a_decoded_file_that_has_not_changed_is_not_decoded_again(tmp_path, monkeypatch):
    from tfwolf.data import folder
    from tfwolf.data.data_record import RULES, record_of
    from tfwolf.data.sources import DataSource

    write_images(tmp_path, 20)
    record = record_of(load(tmp_path), RULES)
    read, read_picture = [], folder.read_picture
    monkeypatch.setattr(
        folder,
        'read_picture',
        lambda path, value_range: read.append(path.name) or read_picture(path, value_range),
    )
    write_images(tmp_path, 20, seed=3)
    write_images(tmp_path, 19)
    DataSource(f'folder:{tmp_path}').load(record=record)
    assert sorted(set(read)) == ['000.png', '019.png']
