"""Plots for TensorBoard: of held-out images, without any effect on the training."""

import types

import numpy as np
import pytest
import tensorflow as tf

import tfwolf
from support.small_models import random_images, small_flow_alone, stirred_wolf
from support.tool_runs import TINY
from tfwolf.data.array_split import ArraySplit
from tfwolf.data.dataset import ImageDataset
from tfwolf.evaluation.noisy_pass import NoisyPass
from tfwolf.models.initialization import initialize
from tfwolf.training import run_plots
from tfwolf.training.curves import read_curves
from tfwolf.training.run_plots import RunPlots

ALL = ['likelihoods', 'calibration_of_v', 'kl_per_dimension', 'active_units']


class Written:
    """Stands for the summaries: keeps what is written."""

    def __init__(self):
        self.pictures = {}

    def image(self, name, picture, step):
        self.pictures[name, step] = picture


def run_of(model, picture_every=5, num_validation=12):
    """Return what `RunPlots` reads of a run."""
    splits = [
        ArraySplit(lambda n=n: (random_images(n), None), n, (8, 8, 3))
        for n in (16, num_validation, 4)
    ]
    return types.SimpleNamespace(
        model=model,
        dataset=ImageDataset('random', (8, 8, 3), None, *splits),
        settings=types.SimpleNamespace(picture_every=picture_every),
        verbose=True,
        seed=3,
    )


@pytest.fixture(scope='module')
def model():
    return stirred_wolf()


def test_plots_are_of_the_first_validation_images(model, monkeypatch):
    seen = {}
    drawn = run_plots.likelihood_histogram

    def recorded(bits, *others, **named):
        seen.update(bits=bits, **named)
        return drawn(bits, *others, **named)

    monkeypatch.setattr(run_plots, 'likelihood_histogram', recorded)
    written = Written()
    plots = RunPlots(run_of(model), written)
    assert plots.draw(4) == [], 'shorter than picture_every'
    assert plots.draw(7) == ALL
    assert list(written.pictures) == [(f'plots/{name}', 7) for name in ALL]
    assert all(picture.std() > 0 for picture in written.pictures.values())
    assert seen['images_name'] == 'validation images'
    _, nll_nats = NoisyPass(model, 12)(random_images(12), 3)
    np.testing.assert_allclose(seen['bits'], nll_nats / (192 * np.log(2)), rtol=1e-5)
    assert RunPlots(run_of(model, picture_every=0), written).draw(7) == []


def test_without_z_and_without_validation_images_there_are_fewer_plots():
    model = small_flow_alone('glow')
    initialize(model, random_images(32), 0)
    plots = RunPlots(run_of(model, num_validation=0), Written())
    assert plots.draw(5) == ALL[:2]


def test_a_plot_that_fails_is_told_and_the_others_are_drawn(model, monkeypatch, capsys):
    def fails(values):
        raise RuntimeError('no\nmore memory')

    monkeypatch.setattr(run_plots, 'active_units', fails)
    assert RunPlots(run_of(model), Written()).draw(5) == ALL[:3]
    assert 'active_units at step 5 is left out: no\n' in capsys.readouterr().out


@pytest.mark.slow
def test_a_training_is_the_same_with_and_without_plots(tmp_path):
    found = {}
    for every in (0, 2):
        tfwolf.fit(
            ['digits'],
            train_dir=tmp_path / str(every),
            max_steps=4,
            params=[*TINY, f'train.picture_every = {every}', 'train.log_every = 1'],
            environment=tfwolf.Environment(strategy='one_device', verbose=False),
        )
        found[every] = read_curves(str(tmp_path / str(every) / 'curves.csv'))['train']
    for name in ('bits_per_dim', 'kl_nats', 'update_norm'):
        np.testing.assert_array_equal(found[0][name], found[2][name])
    tags = {
        (value.tag, event.step)
        for file in (tmp_path / '2' / 'tensorboard' / 'train').iterdir()
        for event in tf.compat.v1.train.summary_iterator(str(file))
        for value in event.summary.value
    }
    assert {(f'plots/{name}', step) for name in ALL for step in (2, 4)} <= tags
    assert not [
        file
        for file in (tmp_path / '0' / 'tensorboard' / 'train').iterdir()
        if b'plots/' in file.read_bytes()
    ]
