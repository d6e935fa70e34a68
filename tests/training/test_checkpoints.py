"""Resuming, weight averages and the best checkpoint."""

import os

import numpy as np
import pytest
import tensorflow as tf

from support.small_models import small_wolf
from support.training_steps import BATCH, IMAGES, make_run, take_steps, weights
from tfwolf.core.variables import trainable_variables
from tfwolf.models.initialization import initialize
from tfwolf.training.averages import WeightAverages
from tfwolf.training.checkpoints import Checkpoints, find_checkpoint, restore_model
from tfwolf.training.optimizer import AdamW, WarmupDecay
from tfwolf.training.settings import Settings
from tfwolf.training.step import TrainStep
from tfwolf.training.strategy import make_strategy


def test_resuming_is_exact(tmp_path):
    """Six steps in one process give the same bits as three steps, new objects, and three more."""
    strategy = make_strategy('one_device')
    results = []
    for cuts in ((0, 6), (0, 3, 6)):
        folder = str(tmp_path / str(len(cuts)))
        for first, last in zip(cuts, cuts[1:]):
            model, optimizer, step = make_run(strategy)
            with strategy.scope():
                checkpoints = Checkpoints(folder, model, optimizer, step, keep=2)
            if not checkpoints.restore():
                initialize(model, IMAGES[:32], seed=1)
            take_steps(strategy, step, first, last)
            checkpoints.save()
        results.append(weights(model))
    for path, value in results[0].items():
        np.testing.assert_array_equal(results[1][path], value, err_msg=str(path))
    fresh = small_wolf(seed=9)
    restore_model(fresh, find_checkpoint(folder, '6'))
    for path, value in weights(fresh).items():
        np.testing.assert_array_equal(results[0][path], value, err_msg=str(path))
    with pytest.raises(ValueError, match='no checkpoint'):
        find_checkpoint(folder, '4')
    with pytest.raises(ValueError, match='another model'):
        restore_model(small_wolf(shape=(4, 4, 3)), find_checkpoint(folder, 'latest'))


def test_averages_equal_the_formula_and_are_used_in_evaluation(tmp_path):
    """The average warms up, then is exponential, also with skipped steps and replicas."""
    results = []
    for name in ('one_device', 'mirrored'):
        strategy = make_strategy(name)
        with strategy.scope():
            model = small_wolf(tf.float64, latent=None)
            variables = trainable_variables(model)
            optimizer = AdamW(variables, WarmupDecay(3, peak=1e-2), weight_decay=1e-3)
            averages = WeightAverages(variables, decay=0.7)
            step = TrainStep(
                strategy, model, optimizer, Settings(BATCH, 100), seed=1, averages=averages
            )
        initialize(model, IMAGES[:32], seed=1)
        weight = variables[0]
        started = weight.numpy()
        with step.weights_to_evaluate():
            np.testing.assert_array_equal(weight, started)
        expected, seen = 0.0, []
        for number in range(1, 7):
            take_steps(strategy, step, number - 1, number)
            seen.append(weight.numpy())
            rate = max(0.3, 9 / (10 + number)) if number > 1 else 1
            expected = expected + rate * (seen[-1] - expected)
        np.testing.assert_allclose(averages.values[0], expected, rtol=1e-12)
        averages.update(tf.constant(False))
        np.testing.assert_allclose(averages.values[0], expected, rtol=1e-12)
        with pytest.raises(KeyError), step.weights_to_evaluate():
            np.testing.assert_allclose(weight, expected, rtol=1e-12)
            raise KeyError('an error inside')
        np.testing.assert_array_equal(weight, seen[-1])
        results.append([tf.identity(value) for value in averages.values])
    for one, two in zip(*results):
        np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-9)
    Checkpoints(str(tmp_path), model, optimizer, step, keep=1).save()
    for asked, got, value in (
        ('raw', 'raw', seen[-1]),
        ('auto', 'averaged', expected),
        ('averaged', 'averaged', expected),
    ):
        fresh = small_wolf(tf.float64, latent=None, seed=5)
        assert restore_model(fresh, find_checkpoint(str(tmp_path), 'latest'), asked) == got
        np.testing.assert_allclose(trainable_variables(fresh)[0], value, rtol=1e-12)
    model, optimizer, step = make_run(make_strategy('one_device'))
    Checkpoints(str(tmp_path / 'raw'), model, optimizer, step, keep=1).save()
    with pytest.raises(ValueError, match='ema_decay = 0'):
        restore_model(model, find_checkpoint(str(tmp_path / 'raw'), 'latest'), 'averaged')


def test_best_checkpoint_is_the_lowest(tmp_path):
    strategy = make_strategy('one_device')
    model, optimizer, step = make_run(strategy)
    checkpoints = Checkpoints(str(tmp_path), model, optimizer, step, keep=1)
    saved = []
    for number, value in enumerate((3.0, 4.0, 2.5, float('nan'))):
        step.step.assign(number)
        saved.append(checkpoints.save_if_best(value))
    assert saved == [True, False, True, False]
    assert os.path.basename(find_checkpoint(str(tmp_path), 'best')) == 'ckpt-2'
