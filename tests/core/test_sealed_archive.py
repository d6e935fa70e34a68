"""Sealed archives: what was written is read, and anything else is None."""

import os

import numpy as np
import pytest

from support.damage import damaged
from tfwolf.core.sealed_archive import read_sealed, write_sealed

ARRAYS = {
    'key': np.array('{"seed": 1}'),
    'rows of images/0': np.arange(6.0).reshape(2, 3),
    'rows of images/1': np.zeros([0, 3], np.float32),
    'file': np.array(3),
    'allow_pickle': np.array([True, False]),
}


@pytest.fixture
def path(tmp_path):
    """Return the path of a sealed archive of `ARRAYS`."""
    write_sealed(tmp_path / 'sealed.npz', ARRAYS)
    return tmp_path / 'sealed.npz'


def check(found):
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


def test_what_was_written_is_read_back_by_numpy_too(path):
    check(read_sealed(path))
    with np.load(path, allow_pickle=False) as archive:
        check(dict(archive))
    write_sealed(path, {})
    assert read_sealed(path) == {}


def test_no_damage_is_read_as_data(path):
    intact, *others = damaged(path.read_bytes(), 400)
    path.write_bytes(intact)
    check(read_sealed(path))
    for content in others:
        path.write_bytes(content)
        assert read_sealed(path) is None, content


def test_every_byte_is_covered(path):
    write_sealed(path, {'a': np.arange(3, dtype=np.int8)})
    whole = path.read_bytes()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        assert read_sealed(path) is None, place


def test_other_things_in_its_place_are_no_archive(tmp_path, path):
    np.savez(tmp_path / 'unsealed.npz', a=1)
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'dangling').symlink_to(tmp_path / 'nowhere')
    (tmp_path / 'loop').symlink_to(tmp_path / 'loop')
    (tmp_path / 'link').symlink_to(path)
    # Its reader would wait for a writer.
    os.mkfifo(tmp_path / 'pipe')
    for name in ('unsealed.npz', 'folder', 'dangling', 'loop', 'pipe', 'nowhere'):
        assert read_sealed(tmp_path / name) is None, name
    check(read_sealed(tmp_path / 'link'))


def test_objects_are_not_written(tmp_path):
    with pytest.raises(ValueError, match='allow_pickle'):
        write_sealed(tmp_path / 'a.npz', {'a': np.array([{}], object)})
    assert os.listdir(tmp_path) == []
