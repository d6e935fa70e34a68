"""One process at a time trains in a folder; the lock of one that has ended is taken over."""

import json
import os
import time

import pytest

from support.tool_runs import TINY, run_tool
from tfwolf.training import run_directory, training_lock
from tfwolf.training.training_lock import TrainingLock

OTHER = {'host': 'node7', 'boot': 'another', 'pid': 7, 'since': '2026-11-26 10:00:00+00:00'}


@pytest.fixture
def path(tmp_path):
    """Return the path of the lock in a folder."""
    return tmp_path / run_directory.LOCK


def write(path, owner, age=0):
    """Write a lock that was touched some seconds ago."""
    path.write_text(owner if isinstance(owner, str) else json.dumps(owner))
    os.utime(path, (time.time() - age, time.time() - age))


def test_a_second_process_is_told_who_trains(tmp_path, path):
    with TrainingLock(str(tmp_path)) as first:
        with pytest.raises(
            ValueError, match=rf'process {os.getpid()} on .*, since 20.*--train_dir'
        ):
            TrainingLock(str(tmp_path)).__enter__()
        first.check()
        assert json.loads(path.read_text())['pid'] == os.getpid()
    assert not path.exists()
    with TrainingLock(str(tmp_path / 'new' / 'folder')):
        assert (tmp_path / 'new' / 'folder' / run_directory.LOCK).exists()


def test_the_lock_is_released_after_an_error(tmp_path, path):
    with pytest.raises(KeyError), TrainingLock(str(tmp_path)):
        raise KeyError
    assert not path.exists()


def test_the_lock_of_a_killed_process_is_taken_over_at_once(tmp_path, path, capsys):
    pid = os.fork()
    if not pid:
        TrainingLock(str(tmp_path)).__enter__()
        os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
    assert json.loads(path.read_text())['pid'] == pid
    with TrainingLock(str(tmp_path)):
        assert json.loads(path.read_text())['pid'] == os.getpid()
    printed = capsys.readouterr().out
    assert f'Taking over from process {pid} on' in printed and 'Waiting' not in printed


@pytest.mark.parametrize('has_locks', [True, False], ids=['other machine', 'no locks of files'])
def test_a_lock_that_is_not_renewed_is_stale(tmp_path, path, has_locks, monkeypatch, capsys):
    monkeypatch.setattr(training_lock, 'SECONDS_TO_STALE', 0.05)
    owner = OTHER if has_locks else {**OTHER, 'boot': training_lock._boot()}
    if not has_locks:
        monkeypatch.setattr(training_lock, 'try_lock', lambda file: None)
    write(path, owner)
    with TrainingLock(str(tmp_path)):
        pass
    printed = capsys.readouterr().out
    assert 'Waiting' in printed and 'Taking over from process 7 on node7, since 2026' in printed


def test_a_lock_that_is_renewed_is_respected(tmp_path, path, monkeypatch):
    monkeypatch.setattr(training_lock.time, 'sleep', lambda seconds: os.utime(path, (5, 5)))
    write(path, OTHER)
    with pytest.raises(ValueError, match='process 7 on node7'):
        TrainingLock(str(tmp_path)).__enter__()
    assert json.loads(path.read_text()) == OTHER


def test_a_lock_that_is_released_while_waiting_is_free(tmp_path, path, monkeypatch):
    monkeypatch.setattr(training_lock.time, 'sleep', lambda seconds: path.unlink())
    write(path, OTHER)
    with TrainingLock(str(tmp_path)):
        assert json.loads(path.read_text())['pid'] == os.getpid()


def test_an_old_lock_is_taken_over_without_waiting(tmp_path, path, monkeypatch):
    monkeypatch.setattr(training_lock.time, 'sleep', lambda seconds: pytest.fail('waited'))
    write(path, OTHER, age=2 * training_lock.SECONDS_TO_SURELY_STALE)
    with TrainingLock(str(tmp_path)):
        pass


@pytest.mark.parametrize(
    'content', ['', '{', '[]', '3', '{"host": 1}', '\0\0', '[' * 10_000, '{"pid": 1e999}']
)
def test_a_damaged_lock_names_nobody(tmp_path, path, content):
    write(path, content)
    with TrainingLock(str(tmp_path)):
        assert json.loads(path.read_text())['pid'] == os.getpid()


def test_a_process_whose_lock_was_taken_ends(tmp_path, path, monkeypatch):
    monkeypatch.setattr(training_lock, 'SECONDS_BETWEEN_RENEWALS', 0.01)
    with TrainingLock(str(tmp_path)) as lock:
        # Its own lock is renewed, and one that cannot be read is not another's.
        os.utime(path, (5, 5))
        while path.stat().st_mtime == 5:
            time.sleep(0.01)
        path.write_text('')
        lock.check()
        write(path, OTHER)
        while lock._taken_by is None:
            time.sleep(0.01)
        with pytest.raises(RuntimeError, match='process 7 on node7.*without saving'):
            lock.check()
    assert json.loads(path.read_text()) == OTHER


def test_the_command_is_refused_in_a_folder_in_training(tmp_path):
    with TrainingLock(str(tmp_path)):
        bindings = (f'--gin_param={binding}' for binding in TINY)
        _, errors = run_tool(
            'train', 'digits', *bindings, f'--train_dir={tmp_path}', '--max_steps=8', fails=True
        )
        assert f'Another process trains in {tmp_path}: process {os.getpid()}' in errors
        assert os.listdir(tmp_path) == [run_directory.LOCK]
