"""The folder of compiled functions, and names by which they are found again."""

import os
import subprocess
import sys

import pytest
from tensorflow.python.framework import ops

from tfwolf.core.compilation_cache import FLAGS, cache_folder, keep_compiled_functions
from tfwolf.core.compiled_ahead import NAMES, start_names


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    monkeypatch.delenv('XLA_FLAGS', raising=False)
    monkeypatch.setenv(FLAGS, '--tf_xla_max_cluster_size=7')


def test_tensorflow_is_told_the_folder(tmp_path):
    keep_compiled_functions()
    folder = cache_folder()
    assert folder.is_relative_to(tmp_path / 'tfwolf')
    assert os.environ[FLAGS] == (
        f'--tf_xla_max_cluster_size=7 --tf_xla_persistent_cache_directory={folder}'
    )
    keep_compiled_functions(deterministic=True)
    assert str(folder) in os.environ[FLAGS], 'the first choice stays'


def test_a_folder_of_the_user_stays(monkeypatch):
    monkeypatch.setenv(FLAGS, '--tf_xla_persistent_cache_directory=/mine')
    keep_compiled_functions()
    assert os.environ[FLAGS] == '--tf_xla_persistent_cache_directory=/mine'


def test_options_of_the_compilation_have_their_own_folders(monkeypatch):
    plain, deterministic = cache_folder(), cache_folder(deterministic=True)
    monkeypatch.setenv('XLA_FLAGS', '--xla_gpu_autotune_level=0')
    assert len({plain, deterministic, cache_folder(), cache_folder(deterministic=True)}) == 4


def test_names_start_at_a_multiple():
    start_names()
    first = ops.uid()
    start_names()
    assert first % NAMES == 1 and ops.uid() == first + NAMES


@pytest.mark.slow
def test_a_continued_run_compiles_nothing_again(tmp_path):
    def train(max_steps):
        subprocess.run(
            [
                *(sys.executable, '-m', 'tfwolf.train', '--gin_file=digits', '--xla'),
                *(f'--train_dir={tmp_path / "run"}', f'--max_steps={max_steps}'),
                '--gin_param=train.batch_size = 8',
            ],
            check=True,
            capture_output=True,
            timeout=600,
            env={**os.environ, FLAGS: ''},
        )
        return {path.name for path in (tmp_path / 'tfwolf').rglob('*.pb')}

    compiled = train(1)
    assert len(compiled) > 10
    assert train(2) == compiled
