"""Paths as users write them: `~`, and characters that TensorFlow takes as patterns."""

import pathlib

import pytest
import tensorflow as tf

from tfwolf.core.paths import expanded, for_tensorflow

FINE = ['a b', 'a(b)', "it's", 'a*b', 'a?b', 'a[b', 'a]b', 'a,b', 'ä', '-a', 'a$b']
BAD = ['a[1]', '[a/b]', 'a[b]', 'a[!b]', 'a\\b', 'x/y[0]/z', '[a]/b', 'a[]']


def finds_its_checkpoint(folder):
    folder.mkdir(parents=True)
    path = str(folder / 'ckpt')
    tf.train.Checkpoint(value=tf.Variable(3.0)).write(path)
    read = tf.Variable(0.0)
    try:
        tf.train.Checkpoint(value=read).read(path).assert_consumed()
    except tf.errors.NotFoundError:
        return False
    return read.numpy() == 3


@pytest.mark.parametrize('name', FINE)
def test_what_tensorflow_can_read_is_accepted(tmp_path, name):
    assert for_tensorflow('train_dir', tmp_path / name) == str(tmp_path / name)
    assert finds_its_checkpoint(tmp_path / name)


@pytest.mark.parametrize('name', BAD)
def test_what_tensorflow_cannot_read_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match='`train_dir` must not contain'):
        for_tensorflow('train_dir', tmp_path / name)
    # `[]` alone is no pattern; it is refused for simplicity.
    assert '[]' in name or not finds_its_checkpoint(tmp_path / name)


def test_home_is_expanded(monkeypatch):
    monkeypatch.setenv('HOME', '/home/user')
    assert expanded('~/runs') == for_tensorflow('x', '~/runs') == '/home/user/runs'
    assert expanded(pathlib.Path('a/~')) == 'a/~'
