"""Files in the working directory, which may be a stranger's, are not imported as modules."""

import os
import pathlib
import subprocess
import sys

import pytest

from tfwolf.core.module_search import importing_from_working_directory, module_command

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Modules that the program imports: of Python, needed and optional ones of others.
NAMES = ('numpy', 'absl', 'gin', 'tensorflow', 'keras', 'PIL', 'shlex', 'jax', 'torch', 'evil')


@pytest.fixture
def strange(tmp_path):
    """A folder with modules that leave a file when they are imported."""
    for name in NAMES:
        (tmp_path / f'{name}.py').write_text(f'open({str(tmp_path / "executed")!r}, "a")\n')
    return tmp_path


def started(command, cwd, **env):
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, timeout=300
    )
    assert not (cwd / 'executed').exists(), done.stderr
    return done


@pytest.mark.parametrize('module', ['tfwolf', 'tfwolf.evaluate'])
def test_python_m_does_not_import_from_there(strange, module):
    """As after `pip install`: the package does not lie in the working directory."""
    arguments = ['--help'] if module == 'tfwolf' else ['--train_dir=.']
    done = started([sys.executable, '-m', module, *arguments], strange, PYTHONPATH=str(ROOT))
    assert done.returncode == (0 if module == 'tfwolf' else 2)
    assert 'contains no run of tfwolf' in done.stderr or module == 'tfwolf'


def test_processes_of_our_own_do_not_either(strange):
    """Neither finds them, and both find a clone that is not installed."""
    done = started([*module_command('tfwolf'), '--version'], strange, PYTHONPATH='')
    assert done.stdout.startswith('tfwolf ') and done.returncode == 0, done.stderr


def test_a_clone_is_found_where_python_starts():
    done = started([sys.executable, '-m', 'tfwolf', '--version'], ROOT, PYTHONPATH='')
    assert done.returncode == 0, done.stderr


def test_gin_files_import_from_there_for_a_while(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'beside_the_user.py').write_text('import sys\nsys.path.insert(0, "/added")\n')
    before = list(sys.path)
    with importing_from_working_directory():
        import beside_the_user  # noqa: F401  # pyright: ignore[reportMissingImports]
    assert sys.path == ['/added', *before]
    sys.path[:] = before
