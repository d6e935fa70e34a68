"""A tiny run of digits, and the tools run on it as a user runs them."""

import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# One step a level, no loops: traced in seconds.
TINY = (
    'RefinedGlow.num_steps = [0, [1], 1]',
    'RefinedGlow.hidden_channels = [4, 4, 4]',
    'Encoder.widths = [4]',
    'FlowPrior.num_steps = 1',
    'train.init_batch_size = 64',
    'train.test_samples = 0',
    'train.picture_every = 0',
    'train.evaluate_every = 0',
)


def call(*command, timeout=300):
    """Runs Python with arguments in the root and returns the finished process."""
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, 'CUDA_VISIBLE_DEVICES': ''},
    )


def train_tiny(train_dir, *flags):
    """Trains a tiny model of digits for six steps; returns `train_dir`."""
    done = call(
        '-m',
        'tfwolf.train',
        '--gin_file=gin/digits.gin',
        *(f'--gin_param={binding}' for binding in TINY),
        f'--train_dir={train_dir}',
        '--max_steps=6',
        *flags,
    )
    assert done.returncode == 0, done.stderr
    return train_dir


def run_tool(name, *flags, fails=False):
    """Runs `tools/NAME.py`; returns (stdout, stderr), after checking that it succeeds, or fails
    with exit code 2 and without a stack trace.
    """
    done = call(f'tools/{name}.py', *flags)
    assert done.returncode == (2 if fails else 0), done.stderr
    if fails:
        assert 'Traceback' not in done.stderr and '\nerror: ' in done.stderr, done.stderr
    return done.stdout, done.stderr


def result(folder, name='result'):
    """Returns what `NAME.json` in a folder of results holds."""
    return json.loads((pathlib.Path(folder) / f'{name}.json').read_text())
