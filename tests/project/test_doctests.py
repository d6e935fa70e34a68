"""The examples in the documentation of the library are run."""

import doctest
import functools
import importlib
import pathlib

import numpy as np
import pytest
import tensorflow as tf

import tfwolf
from support.tool_runs import TINY

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The client and its like stand alone, and their examples need a server.
MODULES = sorted(
    '.'.join(path.relative_to(ROOT).with_suffix('').parts)
    for path in ROOT.glob('tfwolf/**/*.py')
    if '>>>' in path.read_text(encoding='utf-8')
)


@pytest.fixture(scope='module')
def names(tmp_path_factory):
    """Returns what every example may use: a small run of digits, where it lies, and how it was
    made.
    """
    quiet = tfwolf.Environment(strategy='one_device', verbose=False)
    train_dir = tmp_path_factory.mktemp('runs') / 'digits'
    run = tfwolf.fit('digits', train_dir, max_steps=3, params=TINY, environment=quiet)
    return {
        'tfwolf': tfwolf,
        'functools': functools,
        'np': np,
        'tf': tf,
        'train_dir': train_dir,
        'run': run,
        'tiny': TINY,
        'quiet': quiet,
    }


@pytest.mark.parametrize('module', MODULES)
def test_examples(module, names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = doctest.testmod(
        importlib.import_module(module),
        extraglobs=names,
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
    )
    assert found.attempted and not found.failed


def test_what_people_begin_with_has_an_example():
    for name in (
        'fit',
        'load',
        'register',
        'Chain',
        'ActNorm',
        'InvertibleConv1x1',
        'Coupling',
        'Repeat',
        'RefinedGlow',
        'Glow',
        'RealNVP',
        'Wolf',
    ):
        found = doctest.DocTestFinder(recurse=True).find(getattr(tfwolf, name), name, globs={})
        assert any(test.examples for test in found), name
