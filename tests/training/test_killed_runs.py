"""Runs that were killed, terminated, damaged or out of disk space end like undisturbed ones."""

import csv
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from support.tool_runs import run_tool
from tfwolf.training.checkpoint_files import checkpoint_steps, newest_intact

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Traced in seconds; every step is saved, and the first epochs end within the run.
BINDINGS = [
    'RefinedGlow.num_steps = [0, [1], 1]',
    'RefinedGlow.hidden_channels = [4, 4, 4]',
    'Encoder.widths = [4]',
    'FlowPrior.num_steps = 1',
    'train.batch_size = 128',
    'train.augmentations = [@horizontal_flip]',
    'train.init_batch_size = 64',
    'train.log_every = 2',
    'train.test_samples = 0',
    'train.picture_every = 0',
    'train.evaluate_every = 4',
    'train.checkpoint_every = 1',
    'train.num_pictures = 4',
    'train.ema_decay = 0.9',
    'train.accumulation_steps = 2',
]
FLAGS = ['--gin_file=gin/digits.gin', *(f'--gin_param={binding}' for binding in BINDINGS)]
COMMAND = [sys.executable, '-m', 'tfwolf.train', *FLAGS]


def start(train_dir, *more):
    """Start a run and return the process."""
    return subprocess.Popen(
        [*COMMAND, f'--train_dir={train_dir}', *map(str, more)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(train_dir, *more):
    """Run the command to its end and return what it printed."""
    process = start(train_dir, *more)
    printed = process.communicate(timeout=900)[0]
    assert process.returncode == 0, printed[-3000:]
    return printed


def wait_for(process, text):
    """Read what a process prints until `text` is in it."""
    printed = ''
    for line in process.stdout:
        printed += line
        if text in line:
            return printed
    raise AssertionError(f'{text!r} was never printed: {printed[-3000:]}')


def state(train_dir, folder='checkpoints'):
    """Return every tensor of the newest checkpoint."""
    path = newest_intact(os.path.join(train_dir, folder))
    reader = tf.train.load_checkpoint(path)
    return os.path.basename(path), {
        name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()
    }


def assert_same(train_dir, other):
    """Check that two runs have the same final weights and best weights, bit for bit."""
    for folder in ('checkpoints', 'best'):
        (name, one), (other_name, two) = state(train_dir, folder), state(other, folder)
        assert name == other_name and one.keys() == two.keys()
        for key, value in one.items():
            if not key.startswith('_'):  # the graph of Python's objects
                np.testing.assert_array_equal(two[key], value, err_msg=key)


def training_curve(train_dir):
    """Return [(step, bits per dimension)] of the training images."""
    with open(train_dir / 'curves.csv', encoding='utf-8', newline='') as file:
        rows = [row for row in csv.DictReader(file) if row['split'] == 'train']
    return [(int(row['step']), row['bits_per_dim']) for row in rows]


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """Return the folder of an undisturbed run."""
    train_dir = tmp_path_factory.mktemp('runs') / 'whole'
    finish(train_dir, '--max_steps=60')
    return train_dir


@pytest.mark.slow
@pytest.mark.parametrize('kills', [1, 10])
def test_kill_9_at_random_moments_changes_nothing(whole, tmp_path, kills):
    moments = random.Random(kills)
    in_a_save = 0
    checkpoints = tmp_path / 'run' / 'checkpoints'
    # One kill in each part of the run.
    for step in (int(50 * (part + moments.random()) / kills) for part in range(kills)):
        process = start(tmp_path / 'run', '--max_steps=1000000')
        wait_for(process, 'First step (')
        while (checkpoint_steps(checkpoints) or [0])[-1] < step:
            time.sleep(0.01)
        # About half of the time is spent on saving.
        time.sleep(moments.uniform(0.0, 0.1))
        process.kill()
        process.communicate()
        in_a_save += (checkpoints / 'unfinished').exists()
    print(
        f'{in_a_save} of {kills} kills came in the middle of a save; '
        f'{checkpoint_steps(checkpoints)}'
    )
    assert checkpoint_steps(checkpoints)[-1] < 60
    printed = finish(tmp_path / 'run', '--max_steps=60')
    assert 'Continuing from step' in printed
    assert_same(whole, tmp_path / 'run')
    assert training_curve(tmp_path / 'run') == training_curve(whole)


def test_sigterm_saves_within_a_step_and_exits_with_143(tmp_path):
    process = start(
        tmp_path / 'run', '--max_steps=1000000', '--gin_param=train.checkpoint_every = 0'
    )
    wait_for(process, 'First step (')
    process.send_signal(signal.SIGTERM)
    printed = process.communicate(timeout=60)[0]
    assert process.returncode == 143 and 'the same command continues it' in printed, printed
    assert checkpoint_steps(tmp_path / 'run' / 'checkpoints')[-1] >= 1


def train(train_dir, *more, **ending):
    """Train in this process; return (stdout, stderr)."""
    return run_tool('train', *FLAGS, f'--train_dir={train_dir}', *more, **ending)


@pytest.fixture(scope='module')
def short(tmp_path_factory):
    """Return the folder of an undisturbed run of eight steps."""
    train_dir = tmp_path_factory.mktemp('runs') / 'short'
    train(train_dir, '--max_steps=8')
    return train_dir


def test_a_damaged_checkpoint_is_reported_and_the_previous_one_used(short, tmp_path):
    shutil.copytree(short, tmp_path / 'run')
    assert checkpoint_steps(tmp_path / 'run' / 'checkpoints') == [6, 7, 8]
    path = tmp_path / 'run' / 'checkpoints' / 'ckpt-8.data-00000-of-00001'
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)
    printed = ''.join(train(tmp_path / 'run', '--max_steps=8'))
    assert 'ckpt-8 is damaged' in printed and 'Continuing from step 7' in printed, printed
    assert_same(short, tmp_path / 'run')


def test_a_changed_configuration_is_shown_and_requires_a_flag(short, tmp_path):
    run = shutil.copytree(short, tmp_path / 'run')
    arguments = [
        '--max_steps=9',
        '--gin_param=WarmupDecay.peak = 1e-4',
        '--gin_param=train.checkpoint_every = 30',
    ]
    printed = ''.join(train(run, *arguments, fails=True))
    assert '+ WarmupDecay.peak = 0.0001' in printed and '--override_config' in printed, printed
    assert 'checkpoint_every' not in printed
    printed = ''.join(train(run, *arguments, '--override_config'))
    assert '+ WarmupDecay.peak = 0.0001' in printed and 'Continuing from step 8' in printed, printed
    assert 'peak = 0.0001' in (run / 'config.gin').read_text()


def test_a_full_disk_ends_the_run_with_a_message(tmp_path):
    disk = tmp_path / 'disk'
    disk.mkdir()
    mounted = subprocess.run(
        ['mount', '-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', disk], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f'cannot make a small disk here: {mounted.stderr.strip()}')
    try:
        # Without evaluation, so that the latest checkpoints fail, not the best one.
        printed = ''.join(
            train(
                disk / 'run',
                '--max_steps=100000',
                '--gin_param=train.keep_checkpoints = 1000',
                '--gin_param=train.evaluate_every = 0',
                fails=True,
            )
        )
        assert 'Traceback' not in printed, printed[-3000:]
        assert 'could not be written' in printed and 'is untouched' in printed, printed[-3000:]
        assert newest_intact(disk / 'run' / 'checkpoints').endswith(
            str(checkpoint_steps(disk / 'run' / 'checkpoints')[-1])
        )
    finally:
        subprocess.run(['umount', '-l', disk], check=True)
