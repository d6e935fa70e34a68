"""Checkpoints are complete or absent, and a damaged one is detected, reported and skipped."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tfwolf.training import checkpoint_files
from tfwolf.training.checkpoint_files import checkpoint_steps, find_damage, newest_intact, publish
from tfwolf.training.checkpoints import find_checkpoint

DATA = 'ckpt-{}.data-00000-of-00001'


def checkpoint(value, size=1000):
    """Return a checkpoint of one variable."""
    return tf.train.Checkpoint(weight=tf.Variable(tf.fill([size], float(value))))


@pytest.fixture
def folder(tmp_path):
    """Return a folder with the checkpoints of steps 1, 2 and 3."""
    path = str(tmp_path / 'checkpoints')
    for step in (1, 2, 3):
        publish(checkpoint(step), path, step, keep=3)
    return path


def first_weight(path):
    return tf.train.load_checkpoint(path).get_tensor('weight/.ATTRIBUTES/VARIABLE_VALUE')[0]


def test_the_newest_checkpoints_are_kept_and_readable(folder):
    assert checkpoint_steps(folder) == [1, 2, 3] and first_weight(newest_intact(folder)) == 3
    publish(checkpoint(4), folder, 4, keep=2)
    assert checkpoint_steps(folder) == [3, 4] and tf.train.latest_checkpoint(folder).endswith(
        'ckpt-4'
    )
    publish(checkpoint(40), folder, 4, keep=2)
    assert first_weight(newest_intact(folder)) == 4
    assert sorted(os.listdir(folder)) == sorted(
        [
            'checkpoint',
            *(
                name.format(step)
                for step in (3, 4)
                for name in ('ckpt-{}.index', 'ckpt-{}.sha256', DATA)
            ),
        ]
    )
    assert (
        checkpoint_steps(os.path.join(folder, 'nowhere')) == []
        and newest_intact(os.path.join(folder, 'nowhere')) is None
    )


@pytest.mark.parametrize('name', [DATA.format(3), 'ckpt-3.index', 'ckpt-3.sha256'])
def test_flipped_bits_and_truncation_are_detected(folder, name, capsys):
    path = os.path.join(folder, name)
    with open(path, 'rb') as file:
        whole = file.read()
    random = np.random.default_rng(0)
    flips = [
        bytes([*whole[:place], whole[place] ^ 1 << random.integers(8), *whole[place + 1 :]])
        for place in random.integers(0, len(whole), 20)
    ]
    for content in (*flips, whole[:-1], whole[: len(whole) // 2], b''):
        with open(path, 'wb') as file:
            file.write(content)
        assert find_damage(os.path.join(folder, 'ckpt-3'))
        assert newest_intact(folder).endswith('ckpt-2')
        said = capsys.readouterr().err
        assert 'ckpt-3 is damaged' in said and 'ckpt-2 instead' in said
    # A new checkpoint replaces the damaged one.
    publish(checkpoint(5), folder, 3, keep=1)
    assert checkpoint_steps(folder) == [3] and first_weight(newest_intact(folder)) == 5


def test_a_checkpoint_without_checksums_is_read_completely(folder):
    os.remove(os.path.join(folder, 'ckpt-3.sha256'))
    assert find_damage(os.path.join(folder, 'ckpt-3')) is None
    with open(os.path.join(folder, DATA.format(3)), 'r+b') as file:
        file.seek(500)
        file.write(b'x')
    assert 'Checksum does not match' in find_damage(os.path.join(folder, 'ckpt-3'))


def test_damaged_checkpoints_are_removed_before_intact_ones(folder):
    for step in (2, 3):
        os.truncate(os.path.join(folder, DATA.format(step)), 10)
    publish(checkpoint(7), folder, 2, keep=1)
    assert checkpoint_steps(folder) == [2]


def test_a_missing_part_is_damage_but_a_missing_index_is_no_checkpoint(folder):
    os.remove(os.path.join(folder, DATA.format(3)))
    os.remove(os.path.join(folder, 'ckpt-2.index'))
    os.remove(os.path.join(folder, 'checkpoint'))
    assert checkpoint_steps(folder) == [1, 3] and newest_intact(folder).endswith('ckpt-1')
    os.truncate(os.path.join(folder, DATA.format(1)), 10)
    with pytest.raises(ValueError, match='ckpt-3 is damaged.*ckpt-1 is damaged'):
        newest_intact(folder)


WRITE = """
import resource, sys, tensorflow as tf
from tfwolf.training.checkpoint_files import publish
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    publish(tf.train.Checkpoint(weight=tf.Variable(tf.zeros([1_000_000]))), sys.argv[1], 4, keep=1)
except RuntimeError as error:
    print(error)
"""


def test_a_file_size_limit_keeps_the_last_checkpoint(folder):
    done = subprocess.run(
        [sys.executable, '-c', WRITE, folder], capture_output=True, text=True, timeout=120
    )
    assert (
        'step 4 could not be written' in done.stdout
        and 'The checkpoint of step 3 is untouched' in done.stdout
    ), done.stderr[-2000:]
    assert checkpoint_steps(folder) == [1, 2, 3] and first_weight(newest_intact(folder)) == 3
    assert not os.path.exists(os.path.join(folder, 'unfinished'))


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path):
    mounted = subprocess.run(
        ['mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', tmp_path], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f'cannot make a small disk here: {mounted.stderr.strip()}')
    try:
        publish(checkpoint(1, 50_000), str(tmp_path), 1, keep=1)
        with pytest.raises(RuntimeError, match='step 2 could not be written.*step 1 is untouched'):
            publish(checkpoint(2, 500_000), str(tmp_path), 2, keep=1)
        assert first_weight(newest_intact(str(tmp_path))) == 1
    finally:
        subprocess.run(['umount', tmp_path], check=True)


def folder_in_place(path):
    os.mkdir(path)
    with open(os.path.join(path, 'part'), 'w', encoding='utf-8') as file:
        file.write('content')


REPLACED = {
    'a folder': folder_in_place,
    'a dangling link': lambda path: os.symlink('nowhere', path),
    'a loop': lambda path: os.symlink(path, path),
    'a pipe': os.mkfifo,
}


@pytest.mark.parametrize('kind', REPLACED)
@pytest.mark.parametrize('name', [DATA.format(3), 'ckpt-3.index', 'ckpt-3.sha256'])
@pytest.mark.parametrize('has_checksums', [True, False])
def test_what_is_not_a_file_is_damage(folder, name, kind, has_checksums, capsys):
    for removed in {name, name if has_checksums else 'ckpt-3.sha256'}:
        os.remove(os.path.join(folder, removed))
    REPLACED[kind](os.path.join(folder, name))
    assert newest_intact(folder).endswith('ckpt-2')
    said = capsys.readouterr().err
    assert f'ckpt-3 is damaged ({name} is not a file)' in said and 'ckpt-2 instead' in said
    with pytest.raises(ValueError, match='ckpt-3 is damaged'):
        find_checkpoint(os.path.dirname(folder), '3')
    publish(checkpoint(5), folder, 3, keep=1)
    assert checkpoint_steps(folder) == [3] and first_weight(newest_intact(folder)) == 5


def test_a_checkpoint_that_is_removed_while_it_is_read_is_not_damaged(folder, monkeypatch, capsys):
    find = checkpoint_files.find_damage

    def remove_first(path):
        if path.endswith('ckpt-3'):
            for part in os.listdir(folder):
                if part.startswith('ckpt-3.'):
                    os.remove(os.path.join(folder, part))
        return find(path)

    monkeypatch.setattr(checkpoint_files, 'find_damage', remove_first)
    assert newest_intact(folder).endswith('ckpt-2') and capsys.readouterr().err == ''
