"""Several worker processes on one machine train like one process, and stop and resume together."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from test_cluster import free_ports
from test_killed_runs import ROOT, state

from tfwolf.training.checkpoint_files import checkpoint_steps

# With batch norm, averages and augmentation. Epsilon is above rounding errors, which Adam would
# otherwise amplify.
BINDINGS = [
    'RefinedGlow.num_steps = [0, [1], 1]',
    'RefinedGlow.hidden_channels = [4, 4, 4]',
    'Encoder.widths = [4]',
    'GaussianLatent.prior = @NormalPrior',
    'train.batch_size = 24',
    'train.augmentations = [@horizontal_flip]',
    'train.init_batch_size = 64',
    'train.log_every = 1000',
    'train.test_samples = 0',
    'train.picture_every = 0',
    'train.evaluate_every = 0',
    'train.checkpoint_every = 10',
    'train.ema_decay = 0.9',
    'train.clip_norm = 20.0',
    'AdamW.epsilon = 1e-3',
    'train.num_pictures = 2',
]
ENDS_WITHIN = 15


def start(module, folder, count=1, more=()):
    """Start the workers of one run.

    Each but the chief gets a separate folder, to which it must not write.
    """
    addresses = [f'localhost:{port}' for port in free_ports(count)]
    processes = []
    for index in range(count):
        config = (
            {'cluster': {'worker': addresses}, 'task': {'type': 'worker', 'index': index}}
            if count > 1
            else {}
        )
        where = folder if index == 0 or module == 'evaluate' else f'{folder}-{index}'
        processes.append(
            subprocess.Popen(
                [sys.executable, '-m', f'tfwolf.{module}', f'--train_dir={where}', *more],
                cwd=ROOT,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**os.environ, 'TF_CONFIG': json.dumps(config), 'PYTHONUNBUFFERED': '1'},
            )
        )
    return processes


def train(folder, count=1, *more):
    """Start the workers of a training run."""
    return start(
        'train',
        folder,
        count,
        ['--gin_file=gin/digits.gin', *(f'--gin_param={binding}' for binding in BINDINGS), *more],
    )


def finish(processes, timeout=1200):
    """Return (exit codes, printed texts) of all processes."""
    printed = [process.communicate(timeout=timeout)[0] for process in processes]
    return [process.returncode for process in processes], printed


def wait_until_trained(processes, folder, step):
    """Wait for a checkpoint of at least a step."""
    deadline = time.monotonic() + 120
    while (checkpoint_steps(folder / 'checkpoints') or [0])[-1] < step:
        assert time.monotonic() < deadline and all(
            process.poll() is None for process in processes
        ), finish(processes, 1)
        time.sleep(0.1)


@pytest.fixture
def clean_up():
    """Return a list of processes that are killed after the test."""
    processes = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def assert_alike(folder, other):
    """Check that two runs have equal final weights, moments and averages, except for rounding."""
    (name, one), (other_name, two) = state(folder), state(other)
    assert name == other_name and one.keys() == two.keys()
    for key, value in one.items():
        if not key.startswith('_'):
            np.testing.assert_allclose(two[key], value, rtol=1e-3, atol=2e-5, err_msg=key)


@pytest.mark.slow
def test_two_workers_stop_together_equal_one_and_end_when_one_is_killed(tmp_path, clean_up):
    """Stop two workers by one SIGTERM, compare with one process, continue, and kill one worker."""
    folder = tmp_path / 'two'
    processes = train(folder, 2, '--max_steps=1000000')
    clean_up += processes
    wait_until_trained(processes, folder, 10)
    processes[1].send_signal(signal.SIGTERM)
    codes, printed = finish(processes)
    assert codes == [143, 143], printed
    last = checkpoint_steps(folder / 'checkpoints')[-1]
    assert (
        '2 replica(s) of 2 workers' in printed[0]
        and 'Training' not in printed[1]
        and 'parameters' not in printed[1]
    ), printed
    assert not (tmp_path / 'two-1').exists()
    # Nothing is left to train: both succeed, though only the chief has checkpoints.
    codes, printed = finish(train(folder, 2, f'--max_steps={last}'))
    assert codes == [0, 0] and not (tmp_path / 'two-1').exists(), printed

    codes, printed = finish(train(tmp_path / 'one', 1, f'--max_steps={last}'))
    assert codes == [0], printed
    assert_alike(tmp_path / 'one', folder)

    processes = train(folder, 2, '--max_steps=1000000')
    clean_up += processes
    wait_until_trained(processes, folder, last + 10)
    processes[1].kill()
    killed = time.monotonic()
    codes, printed = finish(processes)
    print(
        f'stopped at step {last}; the chief ended {time.monotonic() - killed:.1f} s after the '
        'other was killed'
    )
    assert codes == [3, -signal.SIGKILL] and time.monotonic() - killed < ENDS_WITHIN, (
        codes,
        printed,
    )
    assert f'Continuing from step {last}' in printed[0]
    assert (
        'error: Another worker' in printed[0]
        and 'same command: they continue' in printed[0]
        and 'Traceback' not in printed[0]
    ), printed


@pytest.mark.slow
def test_three_workers_equal_one_evaluate_alike_and_end_without_their_chief(tmp_path, clean_up):
    codes, printed = finish(train(tmp_path / 'one', 1, '--max_steps=20'))
    assert codes == [0], printed
    codes, printed = finish(train(tmp_path / 'three', 3, '--max_steps=20'))
    assert codes == [0, 0, 0], printed
    assert_alike(tmp_path / 'one', tmp_path / 'three')
    results = []
    for count in (1, 3):
        codes, printed = finish(
            start(
                'evaluate',
                tmp_path / 'one',
                count,
                ['--num_samples=2', '--num_diagnosed=4', '--batch_size=48'],
            )
        )
        assert codes == [0] * count and not any(
            re.search('bits_per_dim|Evaluating', text) for text in printed[1:]
        ), printed
        results.append(json.loads((tmp_path / 'one' / 'evaluation.json').read_text()))
    assert results[0]['num_images'] == results[1]['num_images'] == 360
    assert results[1]['bits_per_dim'] == pytest.approx(results[0]['bits_per_dim'], abs=1e-6)

    processes = train(tmp_path / 'three', 3, '--max_steps=1000000')
    clean_up += processes
    wait_until_trained(processes, tmp_path / 'three', 30)
    processes[0].send_signal(signal.SIGSTOP)
    stopped = time.monotonic()
    codes = [process.wait(timeout=300) for process in processes[1:]]
    assert codes == [3, 3] and time.monotonic() - stopped < ENDS_WITHIN, (
        codes,
        time.monotonic() - stopped,
    )
