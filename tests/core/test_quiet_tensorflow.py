"""The library is quiet when it is used first, and says which extra is missing."""

import importlib.util
import os
import subprocess
import sys

import pytest

from tfwolf.core import extras


def test_first_use_prints_nothing():
    """As in a notebook, which shows what is written to file descriptor 2."""
    env = {name: value for name, value in os.environ.items() if name != 'TF_CPP_MIN_LOG_LEVEL'}
    done = subprocess.run(
        [sys.executable, '-c', 'import tfwolf; print(tfwolf.Wolf.__name__)'],
        capture_output=True,
        text=True,
        timeout=300,
        env=env,
    )
    assert (done.stdout, done.stderr) == ('Wolf\n', '')


def test_a_missing_extra_names_the_command_that_installs_it(monkeypatch):
    for extra in extras.EXTRAS:
        extras.require_extra(extra)
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(ValueError, match=r'jinja2 is missing.*pip install "tfwolf\[report\]"'):
        extras.require_extra('report')
