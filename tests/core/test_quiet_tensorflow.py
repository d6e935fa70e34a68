"""Importing TensorFlow: nothing is printed, fast kernels are on, a missing extra is named."""

import importlib.util
import os
import platform
import subprocess
import sys

import pytest

from tfwolf.core import extras
from tfwolf.core.quiet_tensorflow import ONEDNN


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


@pytest.mark.skipif(
    platform.machine().lower() not in ('x86_64', 'amd64'), reason='the default of x86 processors'
)
@pytest.mark.parametrize('chosen, enabled', [(None, True), ('0', False), ('1', True)])
def test_fast_kernels_are_on_unless_the_user_turns_them_off(chosen, enabled):
    env = {name: value for name, value in os.environ.items() if name != ONEDNN}
    code = (
        'import tfwolf; tfwolf.Wolf; '
        'from tensorflow.python.util import _pywrap_util_port; '
        'print(_pywrap_util_port.IsMklEnabled())'
    )
    done = subprocess.run(
        [sys.executable, '-c', code],
        capture_output=True,
        text=True,
        timeout=300,
        env=env if chosen is None else {**env, ONEDNN: chosen},
    )
    assert (done.stdout, done.stderr) == (f'{enabled}\n', '')


def test_a_missing_extra_names_the_command_that_installs_it(monkeypatch):
    for extra in extras.EXTRAS:
        extras.require_extra(extra)
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(ValueError, match=r'jinja2 is missing.*pip install "tfwolf\[report\]"'):
        extras.require_extra('report')
