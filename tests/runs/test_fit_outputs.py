"""What training writes: curves as CSV and TensorBoard events, and the evaluation afterwards."""

import csv
import functools
import json
import pathlib

import numpy as np
import pytest
from test_fit import IMAGES, MODEL, SHORT

import tfwolf
from tfwolf.runs.configuration import read_configuration

SETTINGS = {**SHORT, 'log_every': 1, 'evaluate_every': 2, 'test_images': 4}


def curve(folder):
    """Return {(step, split): bits per dimension} of the curves of a run."""
    with open(folder / 'curves.csv', encoding='utf-8', newline='') as file:
        rows = list(csv.DictReader(file))
    found = {(int(row['step']), row['split']): float(row['bits_per_dim']) for row in rows}
    assert len(found) == len(rows), 'a row is repeated'
    return found


@pytest.fixture(scope='module')
def fit():
    """Return `tfwolf.fit` with a small model and images."""
    return functools.partial(tfwolf.fit, model=MODEL, images=IMAGES, **SETTINGS)


@pytest.fixture(scope='module')
def whole(fit, tmp_path_factory):
    """Return a run of four steps."""
    return fit(train_dir=tmp_path_factory.mktemp('runs') / 'whole', max_steps=4)


@pytest.mark.slow
def test_curves_are_complete_and_continue_after_a_killed_process(fit, whole, tmp_path):
    undisturbed = curve(pathlib.Path(whole.train_dir))
    steps = [(step, 'train') for step in (1, 2, 3, 4)]
    assert sorted(undisturbed) == sorted([*steps, (2, 'validation'), (4, 'validation')])
    assert np.isfinite(list(undisturbed.values())).all()
    run = tmp_path / 'run'
    fit(train_dir=run, max_steps=2)
    # A process that was killed after its last checkpoint, while it wrote a row.
    with open(run / 'curves.csv', 'a', encoding='utf-8') as file:
        file.write((run / 'curves.csv').read_text().splitlines()[-1].replace('2,', '3,', 1))
        file.write('\n4,train,0.')
    fit(train_dir=run, max_steps=4)
    assert curve(run) == undisturbed
    runs = {path.name for path in (run / 'tensorboard').iterdir()}
    assert runs == {'train', 'validation'}


def test_the_evaluation_after_training_can_be_limited(whole):
    folder = pathlib.Path(whole.train_dir)
    result = json.loads((folder / 'evaluation.json').read_text())
    assert result['num_images'] == whole.test_result['num_images'] == 4
    assert whole.dataset.test.num_examples == 8
    found = whole.evaluate(num_samples=1, num_images=4, evaluators=())
    assert found['data_fingerprint'] == result['data_fingerprint']
    assert whole.evaluate(num_samples=1, evaluators=())['num_images'] == 8


@pytest.mark.parametrize('limit', [0, None, 100])
def test_the_limit_may_change_when_a_run_continues(fit, whole, limit):
    """Zero, None and more than there are mean all images."""
    again = fit(train_dir=whole.train_dir, max_steps=4, test_images=limit)
    assert again.step == 4 and again.test_result['num_images'] == 8


def test_small_runs_limit_the_evaluation():
    assert read_configuration(['cifar10_small']).settings().test_images == 2000
    assert read_configuration(['cifar10']).settings().test_images is None
    with pytest.raises(ValueError, match='`train.test_images` must be an integer of at least 0'):
        tfwolf.Settings(batch_size=8, max_steps=1, test_images=-1)
