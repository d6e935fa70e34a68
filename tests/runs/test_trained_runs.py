"""Whole runs with their numbers: digits as the README trains them, CIFAR-10's full size to its
first steps. All of it is slow.
"""

import json
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow

# In a process of its own, as a user would: the model of a run, read back from its folder.
ROUND_TRIP = """
import sys
import numpy as np
import tfwolf
from tfwolf.data.pipeline import evaluation_batches
run = tfwolf.load(sys.argv[1])
images = np.concatenate([batch['image'].numpy()[batch['mask'].numpy()] for batch in evaluation_batches(run.dataset.test, 100)])
decoded = run.model.decode(*run.model.encode(images)).numpy()
print('images', len(images), 'equal', int((decoded == images).all(axis=(1, 2, 3)).sum()))
"""


def run(*command):
    """Runs a command in the root and returns what it printed."""
    done = subprocess.run(
        [sys.executable, *map(str, command)], cwd=ROOT, capture_output=True, text=True, timeout=1500
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout + done.stderr


@pytest.fixture(scope='module')
def digits(tmp_path_factory):
    """Returns the folder of the README's digits run."""
    train_dir = tmp_path_factory.mktemp('runs') / 'digits'
    run('-m', 'tfwolf.train', '--gin_file=gin/digits.gin', f'--train_dir={train_dir}')
    return train_dir


def evaluation(train_dir):
    """Returns what a run's evaluation holds."""
    return json.loads((train_dir / 'evaluation.json').read_text())


def test_digits_learn_and_use_z(digits):
    result = evaluation(digits)
    assert result['num_images'] == 360
    assert result['bits_per_dim'] < 2.20 and result['kl_nats'] >= 2
    assert result['bits_per_dim_iwae'] <= result['bits_per_dim']


def test_every_test_digit_returns_exactly(digits):
    assert 'images 360 equal 360' in run('-c', ROUND_TRIP, digits)


def test_switching_changes_the_digits(digits):
    picture = np.asarray(Image.open(digits / 'switch.png')).astype(int)
    assert picture.std() > 30


def test_digits_without_z(tmp_path):
    run(
        '-m',
        'tfwolf.train',
        '--gin_file=gin/digits.gin',
        '--gin_param=Wolf.latent = @NoLatent',
        f'--train_dir={tmp_path / "run"}',
    )
    result = evaluation(tmp_path / 'run')
    assert result['bits_per_dim'] < 2.15 and result['kl_nats'] == 0


def test_full_size_cifar10_learns(shared, tmp_path):
    printed = run(
        '-m',
        'tfwolf.train',
        '--gin_file=gin/cifar10.gin',
        f'--data_dir={shared / "tfds"}',
        f'--train_dir={tmp_path / "run"}',
        '--gin_param=train.batch_size = 16',
        '--gin_param=train.init_batch_size = 16',
        '--gin_param=train.log_every = 5',
        '--gin_param=train.evaluate_every = 0',
        '--gin_param=train.picture_every = 0',
        '--gin_param=train.test_samples = 0',
        '--gin_param=train.num_pictures = 2',
        '--max_steps=40',
    )
    assert '51,860,457 parameters' in printed
    losses = [float(value) for value in re.findall(r'bits/dim=([\d.]+)', printed)]
    assert (
        losses[-1]
        < 5.5
        < 6
        < float(re.search(r'First step \(([\d.]+) bits/dim\)', printed).group(1))
    )
