"""Files are written atomically, and an error leaves no temporary files."""

import json
import os
import pathlib

import numpy as np
import pytest

from tfwolf.core import files
from tfwolf.core.messages import did_you_mean, first_line
from tfwolf.evaluation.resume_cache import ResumeCache
from tfwolf.metrics.feature_moments import FeatureMoments, load_moments, save_moments
from tfwolf.metrics.frechet import Moments
from tfwolf.metrics.probe_features import load_features, save_features
from tfwolf.pictures.animation import write_animation
from tfwolf.pictures.grids import write_png

PICTURE = np.zeros((4, 5, 3), np.uint8)
MOMENTS = FeatureMoments(Moments(5, np.zeros(2), np.eye(2)), {'name': 'pixels'}, {})


def test_the_old_file_stays_until_the_new_one_is_complete(tmp_path):
    path = tmp_path / 'result.txt'
    path.write_text('old')
    with files.atomic_path(path) as temporary:
        pathlib.Path(temporary).write_text('half')
        assert path.read_text() == 'old' and pathlib.Path(temporary).parent == tmp_path
    assert path.read_text() == 'half' and os.listdir(tmp_path) == ['result.txt']


@pytest.mark.parametrize(
    'error', [OSError('disk full'), KeyboardInterrupt()], ids=['error', 'Ctrl-C']
)
def test_an_error_keeps_the_old_file_and_removes_the_new_one(tmp_path, error):
    path = tmp_path / 'result.txt'
    path.write_text('old')
    with pytest.raises(type(error)):
        with files.atomic_path(path) as temporary:
            pathlib.Path(temporary).write_text('half')
            raise error
    assert path.read_text() == 'old' and os.listdir(tmp_path) == ['result.txt']


def test_a_block_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        with files.atomic_path(tmp_path / 'result.txt'):
            pass
    assert os.listdir(tmp_path) == []


def test_files_are_flushed_before_they_are_renamed(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(
        files.os, 'fsync', lambda handle: calls.append(('flush', os.fstat(handle).st_ino))
    )
    replace = os.replace
    monkeypatch.setattr(
        files.os,
        'replace',
        lambda old, new: (calls.append(('rename', str(new))), replace(old, new)),
    )
    files.write_text(tmp_path / 'a.txt', 'text')
    assert calls == [('flush', (tmp_path / 'a.txt').stat().st_ino), ('rename', f'{tmp_path}/a.txt')]


def test_json_has_null_for_values_that_are_not_finite(tmp_path):
    files.write_json(tmp_path / 'a.json', {'a': [float('nan'), 1.5, (float('inf'), 2)], 'b': 'ü'})
    assert json.loads((tmp_path / 'a.json').read_text()) == {'a': [None, 1.5, [None, 2]], 'b': 'ü'}
    with pytest.raises(TypeError):
        files.write_json(tmp_path / 'a.json', {'a': object()})
    assert json.loads((tmp_path / 'a.json').read_text())['a'] == [None, 1.5, [None, 2]]


def test_sha256_of_a_known_text(tmp_path):
    (tmp_path / 'abc').write_bytes(b'abc')
    assert (
        files.sha256(tmp_path / 'abc')
        == 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    )


def cache(path):
    found = ResumeCache(str(path), {'seed': 1})
    found.append('rows', np.arange(3))
    found.save()


WRITERS = {
    'picture.png': lambda path: write_png(str(path), PICTURE),
    'animation.gif': lambda path: write_animation(str(path), [PICTURE, PICTURE + 255], 1.0),
    'features.npz': lambda path: save_features(
        str(path), np.ones((2, 3), np.float32), np.arange(2), 'key'
    ),
    'moments.npz': lambda path: save_moments(str(path), MOMENTS),
    'journal.npz': cache,
}


@pytest.mark.parametrize('name', WRITERS)
def test_every_writer_replaces_whole_files(tmp_path, monkeypatch, name):
    path = tmp_path / name
    path.write_text('old')

    def fail(old, new):
        raise OSError(f'cannot rename {old}')

    with monkeypatch.context() as patched:
        patched.setattr(files.os, 'replace', fail)
        with pytest.raises(OSError, match=f'cannot rename .*{name}'):
            WRITERS[name](path)
    assert path.read_text() == 'old' and os.listdir(tmp_path) == [name]
    WRITERS[name](path)
    assert os.listdir(tmp_path) == [name] and path.stat().st_size > 50


def test_archives_are_read_back(tmp_path):
    for name in ('features.npz', 'moments.npz', 'journal.npz'):
        WRITERS[name](tmp_path / name)
    features, labels = load_features(str(tmp_path / 'features.npz'), 'key')
    assert features.shape == (2, 3) and labels.tolist() == [0, 1]
    assert load_moments(str(tmp_path / 'moments.npz')).moments.count == 5
    assert [
        row.tolist() for row in ResumeCache(str(tmp_path / 'journal.npz'), {'seed': 1}).rows('rows')
    ] == [[0, 1, 2]]


def test_helpers_for_messages():
    assert first_line(ValueError('\n one thing\nanother')) == 'one thing'
    assert first_line(KeyboardInterrupt()) == 'KeyboardInterrupt'
    assert did_you_mean('image_sise', ['crop_size', 'image_size']) == " Did you mean 'image_size'?"
    assert did_you_mean('bogus', ['image_size']) == did_you_mean(3, ['image_size']) == ''
