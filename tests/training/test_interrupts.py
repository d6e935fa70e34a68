"""Signals that ask a process to end, sent to real processes."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from tfwolf.training import interrupts
from tfwolf.training.interrupts import ENDING, Interrupts

# Imported without its package, which would import TensorFlow.
HERE = pathlib.Path(interrupts.__file__).parent
WAITS = """
import sys
from interrupts import Interrupts
try:
    with Interrupts() as interrupts:
        print('ready', flush=True)
        sys.stdin.readline()
        interrupts.check()
        print('not interrupted', flush=True)
except KeyboardInterrupt as interrupt:
    print('saved', flush=True)
    sys.exit(getattr(interrupt, 'exit_code', 130))
"""
# As in a compiler: the interpreter does not run for minutes.
COMPUTES = """
import hashlib
from interrupts import Interrupts
with Interrupts():
    print('ready', flush=True)
    hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)
"""


def start(code, ignored=None):
    """Start a process that handles signals, with one of them ignored as by `nohup`."""
    process = subprocess.Popen(
        [sys.executable, '-c', code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, 'PYTHONPATH': str(HERE)},
        preexec_fn=ignored and (lambda: signal.signal(ignored, signal.SIG_IGN)),
    )
    assert process.stdout.readline() == 'ready\n'
    return process


@pytest.mark.parametrize(
    'number, times',
    [
        (signal.SIGINT, 1),
        (signal.SIGTERM, 1),
        # A terminal and its shell, or a scheduler, send these more than once.
        (signal.SIGHUP, 3),
        (signal.SIGUSR1, 3),
    ],
)
def test_a_signal_takes_effect_at_the_next_check(number, times):
    process = start(WAITS)
    for _ in range(times):
        process.send_signal(number)
    printed, errors = process.communicate('\n', timeout=60)
    assert (process.returncode, printed, errors) == (128 + number, 'saved\n', '')


def test_nohup_stays_in_effect():
    process = start(WAITS, ignored=signal.SIGHUP)
    process.send_signal(signal.SIGHUP)
    assert process.communicate('\n', timeout=60) == ('not interrupted\n', '')
    assert process.returncode == 0


def test_a_second_sigterm_ends_the_process_at_once():
    process = start(COMPUTES)
    process.send_signal(signal.SIGHUP)
    while process.poll() is None:
        # Equal signals that are pending at the same time are delivered once.
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
    printed, errors = process.communicate()
    assert process.returncode == 143 and printed == ''
    assert errors.count('second SIGTERM') == 1 and len(errors.strip().splitlines()) == 1


def test_handlers_are_restored():
    before = [signal.getsignal(number) for number in ENDING]
    descriptor = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(descriptor)
    with Interrupts() as handled:
        assert signal.getsignal(signal.SIGTERM) != before[0]
        handled.check()
    assert [signal.getsignal(number) for number in ENDING] == before
    now = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(now)
    assert now == descriptor
