"""The blocks of Python in the README and in docs/ run as they are, on a tiny run of digits."""

import inspect
import os
import shutil
import subprocess
import sys

import gin.config
import pytest

import tfwolf
from support.documentation import FILES, PAGES, ROOT, blocks, calls
from support.tool_runs import TINY
from tfwolf.core import parts
from tfwolf.data import registry
from tfwolf.runs.run import Run

# By their texts: the README and the quick start share one.
BLOCKS = {block.text: block for path in FILES for block in blocks(path, 'python')}
# Pages of tools that have tests of their own.
SLOW_PAGES = ('compression', 'conditions', 'inpainting', 'unusual', 'vectors')
QUIET = tfwolf.Environment(strategy='one_device', verbose=False)


@pytest.fixture
def small(monkeypatch, tmp_path_factory):
    """Make what the blocks call cheap: a tiny model of digits, few steps, few images.

    Names that a block registers are forgotten afterwards.
    """
    # Pretrained models are unpacked there.
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path_factory.mktemp('cache')))
    fit, load, evaluate = tfwolf.fit, tfwolf.load, Run.evaluate

    def small_fit(*args, **kwargs):
        given = inspect.signature(fit).bind(*args, **kwargs).arguments
        settings = given.pop('settings', {})
        assert settings.pop('max_steps') > 2
        params = [
            *given.pop('params', ()),
            *(name for name in TINY if 'config' in given or name.startswith('train.')),
        ]
        return fit(**given, **settings, max_steps=2, params=params, environment=QUIET)

    def small_load(*args, checkpoint='latest', **kwargs):
        # So few steps have no best checkpoint.
        assert checkpoint in ('latest', 'best')
        return load(*args, **kwargs, environment=QUIET)

    def small_evaluate(run, **kwargs):
        kwargs['num_samples'] = 1
        return evaluate(run, **kwargs, num_images=8, evaluators=())

    monkeypatch.setattr(tfwolf, 'fit', small_fit)
    monkeypatch.setattr(tfwolf, 'load', small_load)
    monkeypatch.setattr(Run, 'evaluate', small_evaluate)
    monkeypatch.setattr(gin.config, '_REGISTRY', gin.config._REGISTRY.copy())
    registered = [parts._PARTS, parts._REFERENCES, registry._sources]
    before = [dict(names) for names in registered]
    yield
    for names, kept in zip(registered, before):
        names.clear()
        names.update(kept)


def is_slow(block):
    return block.where.startswith(tuple(f'docs/pages/{page}.md' for page in SLOW_PAGES))


@pytest.mark.parametrize(
    'block',
    [
        pytest.param(block, id=block.where, marks=[pytest.mark.slow] if is_slow(block) else [])
        for block in BLOCKS.values()
    ],
)
def test_python_runs(block, small, tiny_run, tmp_path, monkeypatch):
    """Each block runs by itself, in a folder of its own, like a program."""
    monkeypatch.chdir(tmp_path)
    if "tfwolf.load('runs/digits'" in block.text:
        shutil.copytree(tiny_run, tmp_path / 'runs' / 'digits')
    name = (block.title or 'program').removesuffix('.py')
    exec(compile(block.text, block.where, 'exec'), {'__name__': f'documentation_{name}'})


def test_custom_parts_of_the_documentation_have_titles():
    """A block with a title is a file; commands import it as a plugin."""
    page = PAGES / 'extending.md'
    titles = {block.title.removesuffix('.py') for block in blocks(page, 'python')}
    plugins = {
        argument.removeprefix('--plugin=')
        for call in calls(page)
        for argument in call.arguments
        if argument.startswith('--plugin=')
    }
    assert '' not in titles and plugins and plugins <= titles


@pytest.mark.slow
def test_commands_with_custom_parts_run(tiny_run, tmp_path):
    """The files of `Extending` and its commands, as they are but for the size of the model."""
    page = PAGES / 'extending.md'
    for block in blocks(page, 'python'):
        (tmp_path / block.title).write_text(block.text)
    shutil.copytree(tiny_run, tmp_path / 'runs' / 'digits')
    commands = [call.arguments for call in calls(page) if ':' in call.where]
    for name, *arguments in commands:
        small = ['--num_samples=1', '--num_images=8']
        if name == 'train':
            small = ['--max_steps=2', *(f'--gin_param={binding}' for binding in TINY)]
        done = subprocess.run(
            [sys.executable, '-m', 'tfwolf', name, *small, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            env={**os.environ, 'PYTHONPATH': str(ROOT), 'CUDA_VISIBLE_DEVICES': ''},
        )
        assert done.returncode == 0, done.stderr
    assert [name for name, *_ in commands] == ['train', 'train', 'evaluate']
    assert '"brightness"' in (tmp_path / 'runs' / 'digits' / 'evaluation.json').read_text()
