"""Schedules of the learning rate against closed forms, at their edges and from gin files."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tfwolf.runs.configuration import read_configuration
from tfwolf.training.optimizer import AdamW
from tfwolf.training.schedules import Cooldown, WarmupCosine, WarmupDecay

CONSTANT = WarmupDecay(warmup_updates=4, peak=0.5, initial=0.1, decay=1.0)


def rates(schedule, updates):
    found = [schedule(update) for update in updates]
    assert all(rate.dtype == tf.float64 and rate.shape == [] for rate in found)
    return np.array(found)


def test_decay_is_what_it_was():
    """Bit for bit the formula of earlier versions, which continued runs need."""
    schedule = WarmupDecay(50, 1e-3, 1e-7, 0.999997)
    for update in (0, 1, 49, 50, 51, 12345):
        number = tf.cast(update, tf.float64)
        warming = 1e-7 + (1e-3 - 1e-7) * number / 50
        decaying = 1e-3 * tf.pow(tf.constant(0.999997, tf.float64), number - 50)
        assert schedule(update) == (warming if update < 50 else decaying)


@pytest.mark.parametrize('warmup, total', [(0, 1), (0, 7), (1, 2), (5, 6), (20, 100)])
@pytest.mark.parametrize('final', [0.0, 0.05, 0.5])
def test_cosine_equals_the_formula(warmup, total, final):
    schedule = WarmupCosine(total, warmup, peak=0.5, initial=0.1, final=final)
    updates = np.arange(total + 5)
    progress = np.clip((updates - warmup) / (total - warmup), 0, 1)
    expected = np.where(
        updates < warmup,
        0.1 + 0.4 * updates / max(warmup, 1),
        final + (0.5 - final) * (1 + np.cos(np.pi * progress)) / 2,
    )
    found = rates(schedule, updates)
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-16)
    assert found[0] == (0.1 if warmup else 0.5)
    assert found[warmup] == pytest.approx(0.5, rel=1e-15)
    # Exactly constant from `total_updates` on, and above it before.
    assert np.all(found[total:] == final)
    if final < 0.5:
        assert found[total - 1] > final and np.all(np.diff(found[warmup : total + 1]) < 0)
    assert schedule.highest >= found.max() - 1e-15


@pytest.mark.parametrize('total, cooldown', [(1, 1), (10, 1), (10, 10), (40, 16)])
@pytest.mark.parametrize('power, final_factor', [(0.5, 0.0), (0.5, 0.1), (1.0, 0.0), (2.0, 1.0)])
def test_cooldown_equals_the_formula(total, cooldown, power, final_factor):
    schedule = Cooldown(CONSTANT, total, cooldown, final_factor, power)
    begin = total - cooldown
    updates = np.arange(total + 5)
    before = rates(CONSTANT, np.minimum(updates, begin))
    progress = np.clip((updates - begin) / cooldown, 0, 1)
    expected = before * (final_factor + (1 - final_factor) * (1 - progress**power))
    found = rates(schedule, updates)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-17)
    # Before, it is exactly the other schedule: a run may be continued to its cooldown.
    np.testing.assert_array_equal(found[: begin + 1], rates(CONSTANT, updates[: begin + 1]))
    assert np.all(found[total:] == final_factor * before[-1])
    assert schedule.highest == CONSTANT.highest == 0.5


def test_cooldown_of_any_schedule_is_continuous_and_never_rises():
    for inner in (WarmupDecay(3, 0.5, decay=0.9), WarmupCosine(30, 3, 0.5), lambda_schedule()):
        found = rates(Cooldown(inner, 25, 10), range(15, 30))
        assert found[0] == inner(15) and np.all(np.diff(found) <= 0) and found[-1] == 0
        # The square root falls fastest at first.
        assert np.all(np.diff(found, 2)[:8] > 0)


def lambda_schedule():
    def schedule(update):
        return tf.constant(0.25, tf.float64)

    schedule.highest = 0.25
    return schedule


def test_they_are_used_in_a_graph_with_a_variable():
    updates = tf.Variable(8, dtype=tf.int64)
    schedule = Cooldown(CONSTANT, 20, 16)
    assert tf.function(lambda: schedule(updates))() == schedule(8) == 0.25


def test_adamw_follows_them():
    variable = tf.Variable([1.0, 1.0], dtype=tf.float64)
    optimizer = AdamW([variable], Cooldown(CONSTANT, 3, 2), weight_decay=0.0)
    for update in range(4):
        assert optimizer.learning_rate == Cooldown(CONSTANT, 3, 2)(update)
        before = variable.numpy()
        optimizer.apply([tf.ones([2], tf.float64)], tf.constant(True))
        assert np.all(variable.numpy() < before) if update < 3 else np.all(variable == before)
    assert 'learning rate is 0 at the last of 4 steps' in optimizer.notes(4)[0]
    assert optimizer.notes(3) == []


@pytest.mark.parametrize(
    'make, message',
    [
        (lambda: WarmupCosine(0), '`total_updates` must be an integer of at least 1; got .*=0'),
        (lambda: WarmupCosine(10.0), 'total_updates'),
        (lambda: WarmupCosine(50), '`warmup_updates` must be less than .* got .*=50 and .*=50'),
        (lambda: WarmupCosine(9, -1), 'warmup_updates'),
        (lambda: WarmupCosine(9, 1, peak=0.0), '`peak` must be .* above 0'),
        (lambda: WarmupCosine(9, 1, initial=-1.0), 'initial'),
        (lambda: WarmupCosine(9, 1, peak=0.1, final=0.2), '`final` must be .* at most 0.1'),
        (lambda: WarmupCosine(9, 1, final=math.nan), 'final'),
        (lambda: Cooldown(WarmupDecay, 9, 3), '`schedule` must be a schedule.*with parentheses'),
        (lambda: Cooldown(0.1, 9, 3), '`schedule` must be a schedule.*got schedule=0.1'),
        (lambda: Cooldown(CONSTANT, 9, 10), '`cooldown_updates` must be at most .* got .*=10'),
        (lambda: Cooldown(CONSTANT, 9, 0), 'cooldown_updates'),
        (lambda: Cooldown(CONSTANT, 9, 3, final_factor=1.1), 'final_factor'),
        (lambda: Cooldown(CONSTANT, 9, 3, power=0.0), 'power'),
    ],
)
def test_arguments_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_an_optimizer_needs_a_schedule_that_was_made():
    with pytest.raises(ValueError, match='`schedule` must be a schedule.*WarmupDecay'):
        AdamW([tf.Variable(1.0)], WarmupDecay)
    configured = read_configuration(['digits'], ['AdamW.schedule = @WarmupDecay']).settings()
    with pytest.raises(ValueError, match='with parentheses'):
        configured.optimizer(variables=[tf.Variable(1.0)])


def test_gin_files_name_them():
    params = [
        'STEPS = 200',
        'train.max_steps = %STEPS',
        'AdamW.schedule = @Cooldown()',
        'Cooldown.schedule = @WarmupDecay()',
        'Cooldown.total_updates = %STEPS',
        'Cooldown.cooldown_updates = 50',
    ]
    schedule = read_configuration(['digits'], params).settings().optimizer.arguments['schedule']
    assert isinstance(schedule, Cooldown) and schedule.total_updates == 200
    assert schedule.schedule.peak == 4e-3
    params = ['AdamW.schedule = @WarmupCosine()', 'WarmupCosine.total_updates = 99']
    schedule = read_configuration(['digits'], params).settings().optimizer.arguments['schedule']
    assert isinstance(schedule, WarmupCosine) and schedule.total_updates == 99
    with pytest.raises(ValueError, match='WarmupCosine.total_updates'):
        read_configuration(['digits'], params[:1])
