"""A run from a stranger is data: nothing that it holds is executed, and it stays in its folder."""

import os
import pathlib
import shutil

import gin
import pytest

import tfwolf
from support.tool_runs import run_tool
from tfwolf.core import parts
from tfwolf.runs.config_text import bindings, modernized, read_config
from tfwolf.runs.configuration import read_configuration
from tfwolf.training.run_directory import prepare


@gin.configurable(module='strangers_run')
def reached(value=0):
    raise AssertionError('This function was called by the configuration of a run.')


class Anything:
    pass


@pytest.fixture(scope='module', autouse=True)
def constants():
    gin.constant('strangers_run.OBJECT', Anything())
    gin.constant('strangers_run.FUNCTION', os.system)
    gin.constant('strangers_run.BITS', 5)
    yield
    for name in ('OBJECT', 'FUNCTION', 'BITS'):
        gin.config._CONSTANTS.pop(f'strangers_run.{name}')


@pytest.fixture(scope='module')
def text(tiny_run):
    """The configuration of an honest run."""
    return read_config(tiny_run)


@pytest.fixture
def run_copy(tiny_run, tmp_path):
    return pathlib.Path(shutil.copytree(tiny_run, tmp_path / 'run'))


@pytest.fixture
def evil(tmp_path, monkeypatch):
    """A module that leaves a file when it is imported; returns the path of the file."""
    (tmp_path / 'evil_module.py').write_text(
        f'open({str(tmp_path / "executed")!r}, "w").close()\n'
        'from tfwolf.core.parts import register\n'
        'class Net:\n    pass\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / 'executed'


REFUSED = {
    'import os': 'import os',
    'import os.path as Wolf': 'import os.path as Wolf',
    'import evil_module': 'import evil_module',
    'from os import system': 'from os import system',
    'from __gin__ import dynamic_registration': 'from __gin__ import dynamic_registration',
    'from __gin__ import dynamic_registration\nimport os\nWolf.flow = @os.system': 'from __gin__',
    "include 'other.gin'": 'include other.gin',
    "include '/etc/hostname'": 'include /etc/hostname',
    "include 'digits.gin'": 'include digits.gin',
    'Wolf.flow = @reached': '@reached',
    'Wolf.flow = @reached()': '@reached',
    'Wolf.flow = @strangers_run.reached': '@strangers_run.reached',
    'Wolf.flow = @scope/reached()': '@scope/reached',
    'train.augmentations = [@horizontal_flip, @reached]': '@reached',
    "experiment.model = {'a': (1, [@reached()])}": '@reached',
    'experiment.model = {@reached(): 1}': '@reached',
    'MACRO = @reached()\nWolf.num_bits = %MACRO': '@reached',
    'reached.value = @reached()': '@reached',
    'Wolf:\n  num_bits = 8\n  flow = @reached': '@reached',
    'Wolf.flow = @key/gin.singleton()': '@key/gin.singleton',
    'Wolf.flow = @singleton': '@singleton',
    'Wolf.flow = @strangers_run.FUNCTION/gin.constant()': '@strangers_run.FUNCTION/gin.constant',
    'Wolf.flow = @FUNCTION/constant()': '@FUNCTION/constant',
    'Wolf.flow = %OBJECT': '%OBJECT',
    'Wolf.flow = %strangers_run.FUNCTION': '%strangers_run.FUNCTION',
    'Wolf.flow = %gin.REQUIRED': '%gin.REQUIRED',
}


@pytest.mark.parametrize('line', REFUSED)
def test_a_run_may_only_bind_parts(text, evil, line):
    lines = len(text.splitlines())
    with pytest.raises(ValueError) as caught:
        read_configuration(run_text=f'{text}\n{line}\n')
    message = str(caught.value)
    assert REFUSED[line] in message and 'not allowed' in message and '--plugin' in message
    number = int(message.partition('line ')[2].partition(':')[0])
    assert lines < number <= lines + 4
    assert not evil.exists()


@pytest.mark.parametrize(
    'line',
    [
        'Wolf.num_bits = %SOME_BITS\nSOME_BITS = 5',
        'scoped/Wolf.num_bits = 3',
        'Wolf.num_bits = %strangers_run.BITS',
        'train.augmentations = [@horizontal_flip, @tfwolf.pad_and_crop, @one/pad_and_crop]',
        'Wolf:\n  num_bits = 7',
        'reached.value = 5',
    ],
)
def test_what_gin_writes_itself_is_allowed(text, line):
    read_configuration(run_text=f'{text}\n{line}\n')


@pytest.mark.parametrize('broken', ['\x00', 'Wolf.num_bits = (', "'''", '[' * 5000, 'a b c'])
def test_a_damaged_configuration_is_an_error_for_people(text, broken):
    with pytest.raises(ValueError, match='damaged|cannot be read'):
        read_configuration(run_text=f'{text}\n{broken}\n')


@pytest.mark.parametrize('command', ['evaluate', 'sample', 'export', 'benchmark'])
def test_commands_refuse_it(run_copy, evil, tmp_path, command):
    config = run_copy / 'config.gin'
    config.write_text(f'{config.read_text()}\nimport evil_module\n')
    flags = [f'--export_dir={tmp_path / "out"}'] if command == 'export' else []
    _, errors = run_tool(command, f'--train_dir={run_copy}', *flags, fails=True)
    assert 'import evil_module' in errors and not evil.exists()


def test_training_on_does_not_read_it(run_copy, evil, text):
    """The user's own files say what is trained; the run's text is only compared with them."""
    config = run_copy / 'config.gin'
    config.write_text(f'{text}\nimport evil_module\nWolf.flow = @evil_module.Net\n')
    before = lambda text: bindings(modernized(text))  # noqa: E731
    with pytest.raises(ValueError, match='evil_module.Net'):
        prepare(str(run_copy), text, before, resume=True)
    prepare(str(run_copy), text, before, resume=True, override=True)
    assert not evil.exists()


def test_a_gin_file_of_the_user_may_import(evil, tmp_path):
    file = tmp_path / 'own.gin'
    # Also configures another program, of which tfwolf calls nothing.
    file.write_text("import evil_module\ninclude 'digits.gin'\nreached.value = @reached()\n")
    configuration = read_configuration([str(file)])
    assert evil.exists()
    # The run that is made with it can be loaded: it holds values, and imports nothing.
    assert 'evil_module' not in configuration.text and 'reached' not in configuration.text
    read_configuration(run_text=configuration.text_with_seed(0))


def test_parts_of_the_user_can_be_named(text, monkeypatch):
    # Other tests compare the names of all parts with those of the package.
    monkeypatch.setattr(parts, '_PARTS', dict(parts._PARTS))
    monkeypatch.setattr(gin.config, '_REGISTRY', gin.config._REGISTRY.copy())

    @tfwolf.register
    def my_augmentation(images, seed):
        return images

    read = read_configuration(run_text=f'{text}\ntrain.augmentations = [@my_augmentation]\n')
    assert 'my_augmentation' in repr(read.settings().augmentations)


@pytest.mark.parametrize('name', ['results', 'checkpoints', 'curves.csv', 'config.gin', 'a/b'])
def test_links_that_lead_outside_are_refused(run_copy, tmp_path, name):
    outside = tmp_path / 'outside'
    outside.mkdir()
    link = run_copy / name
    link.parent.mkdir(exist_ok=True)
    if link.exists():
        shutil.move(link, outside / 'moved')
    link.symlink_to(outside / 'moved' if (outside / 'moved').exists() else outside)
    before = sorted(outside.rglob('*'))
    _, errors = run_tool('sample', f'--train_dir={run_copy}', '--num_samples=1', fails=True)
    assert str(link) in errors and 'leads out' in errors
    _, errors = run_tool('train', 'digits', f'--train_dir={run_copy}', '--max_steps=9', fails=True)
    assert 'leads out' in errors
    assert sorted(outside.rglob('*')) == before


def test_pipes_are_refused(run_copy):
    os.mkfifo(run_copy / 'evaluation.json')
    with pytest.raises(ValueError, match='neither a file nor a folder'):
        read_config(run_copy)


def test_links_within_and_links_to_runs_are_accepted(run_copy, tmp_path):
    (run_copy / 'best').symlink_to('checkpoints')
    (tmp_path / 'linked').symlink_to(run_copy)
    assert read_config(tmp_path / 'linked') == read_config(run_copy)


def test_the_cache_of_a_hub_is_accepted(run_copy, tmp_path):
    blobs, snapshot = tmp_path / 'model/blobs', tmp_path / 'model/snapshots/0123'
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    shutil.copy(run_copy / 'config.gin', blobs / 'abc')
    (snapshot / 'config.gin').symlink_to('../../blobs/abc')
    assert read_config(snapshot)
    (snapshot / 'other').symlink_to('../../../run')
    with pytest.raises(ValueError, match='leads out'):
        read_config(snapshot)
