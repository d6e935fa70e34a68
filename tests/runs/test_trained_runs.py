"""Complete runs with their numbers, all slow: digits as in the README, first steps of CIFAR-10."""

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

# Run in a separate process, as a user would: load the model of a run from its folder.
ROUND_TRIP = """
import sys
import numpy as np
import tfwolf
from tfwolf.data.pipeline import evaluation_batches
run = tfwolf.load(sys.argv[1])
batches = evaluation_batches(run.dataset.test, 100)
images = np.concatenate([batch['image'].numpy()[batch['mask'].numpy()] for batch in batches])
decoded = run.model.decode(*run.model.encode(images)).numpy()
print('images', len(images), 'equal', int((decoded == images).all(axis=(1, 2, 3)).sum()))
"""


def run(*command):
    """Run a command in the root and return what it printed."""
    done = subprocess.run(
        [sys.executable, *map(str, command)], cwd=ROOT, capture_output=True, text=True, timeout=5400
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout + done.stderr


@pytest.fixture(scope='module')
def digits(tmp_path_factory):
    """Return the folder of the README's digits run."""
    train_dir = tmp_path_factory.mktemp('runs') / 'digits'
    run('-m', 'tfwolf.train', '--gin_file=gin/digits.gin', f'--train_dir={train_dir}')
    return train_dir


def evaluation(train_dir):
    """Return the content of a run's evaluation."""
    return json.loads((train_dir / 'evaluation.json').read_text())


def test_digits_learn_and_use_z(digits):
    result = evaluation(digits)
    assert result['num_images'] == 360
    assert result['bits_per_dim'] < 2.20 and result['kl_nats'] >= 2
    assert result['bits_per_dim_iwae'] <= result['bits_per_dim']


def test_every_test_digit_is_reconstructed_exactly(digits):
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
        # All 10,000 would take longer than the steps.
        '--gin_param=train.test_images = 64',
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
