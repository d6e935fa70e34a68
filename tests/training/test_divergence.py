"""A run that diverges keeps no bad checkpoint, names the good one, and continues from there."""

import math
import os

import numpy as np
import pytest
import tensorflow as tf

from support.tool_runs import TINY, run_tool
from tfwolf.training.checkpoint_files import checkpoint_steps
from tfwolf.training.checkpoints import Checkpoints, find_checkpoint
from tfwolf.training.health import Health
from tfwolf.training.validation import Validation

SETTINGS = (*TINY, 'train.checkpoint_every = 1', 'train.log_every = 50', 'train.ema_decay = 0.5')
NAN = float('nan')


def train(train_dir, *flags, bindings=(), fails=False):
    """Run `tfwolf train` on digits; return all that it printed."""
    bindings = (f'--gin_param={binding}' for binding in (*SETTINGS, *bindings))
    return '\n'.join(
        run_tool('train', 'digits', *bindings, f'--train_dir={train_dir}', *flags, fails=fails)
    )


def steps(train_dir, *folders):
    """Return the steps of the checkpoints in a folder of a run."""
    return checkpoint_steps(os.path.join(train_dir, *(folders or ['checkpoints'])))


def test_divergence_names_the_last_good_checkpoint_and_the_run_continues_from_it(tmp_path):
    # The first update leaves the weights, the second one ruins them, and step 3 finds out.
    ruinous = ('WarmupDecay.initial = 0.0', 'WarmupDecay.peak = 1e30')
    bindings = [*ruinous, 'train.max_skipped_in_a_row = 4']
    printed = train(tmp_path, '--max_steps=100', bindings=bindings, fails=True)
    assert 'step 6: 4 consecutive steps were skipped' in printed
    assert 'step 3: no checkpoint is saved until this changes: the gradient of this' in printed
    assert 'The last good checkpoint is that of step 1 ' in printed
    assert '--checkpoint=1 --override_config' in printed
    moved = os.path.join(tmp_path, 'checkpoints', 'set_aside')
    assert f'The checkpoint of step 2 was moved to {moved}.' in printed
    assert steps(tmp_path) == [1] and checkpoint_steps(moved) == [2]
    reader = tf.train.load_checkpoint(find_checkpoint(tmp_path, 'latest'))
    for name, kind in reader.get_variable_to_dtype_map().items():
        assert not kind.is_floating or np.isfinite(reader.get_tensor(name)).all()
    printed = train(tmp_path, '--max_steps=3', '--checkpoint=1', '--override_config')
    assert 'Going back to step 1.' in printed and steps(tmp_path)[-1] == 3


def test_nothing_is_saved_while_validation_is_not_finite(tmp_path, monkeypatch):
    # By step: bits/dim of averaged and of raw weights.
    values = {2: (3.0, 3.1), 4: (NAN, 3.0), 6: (3.0, 3.0), 8: (2.0, math.inf)}
    evaluate = Validation.__call__

    def scripted(self):
        averaged, raw = values[int(self._step.step.numpy())]
        return {**evaluate(self), 'bits_per_dim': averaged, 'bits_per_dim_raw': raw}

    monkeypatch.setattr(Validation, '__call__', scripted)
    bindings = ['train.evaluate_every = 2', 'train.keep_checkpoints = 9']
    printed = train(tmp_path, '--max_steps=8', bindings=bindings, fails=True)
    assert 'step 2: validation 3.0000 bits/dim (raw weights 3.1000)' in printed
    assert printed.count('no checkpoint is saved') == 2
    assert 'step 4: no checkpoint is saved until this changes: the validation at step 4' in printed
    assert 'Training ended at step 8, and this state was not saved: the validation' in printed
    assert 'last good checkpoint is that of step 7 ' in printed
    assert steps(tmp_path) == [1, 2, 3, 6, 7]


class Steps(tf.Module):
    """Stand-in for a `TrainStep`."""

    longest_skip = 0

    def __init__(self):
        super().__init__()
        self.step, self.skipped_in_a_row = (tf.Variable(0, dtype=tf.int64) for _ in range(2))

    def take(self, number, skipped=0):
        self.step.assign(number)
        self.skipped_in_a_row.assign(skipped)
        self.longest_skip = max(self.longest_skip, skipped)


def state(train_dir, keep=9):
    """Return new `Steps`, and `Checkpoints` of them."""
    train_step = Steps()
    return train_step, Checkpoints(str(train_dir), tf.Module(), tf.Module(), train_step, keep)


@pytest.fixture
def saved(tmp_path):
    """Return the folder of a run with checkpoints of steps 1 to 6, the best of step 4."""
    train_step, checkpoints = state(tmp_path)
    for step in range(1, 7):
        train_step.take(step)
        checkpoints.save()
        checkpoints.save_if_best(abs(step - 4))
    (tmp_path / 'curves.csv').write_text('step,split\n')
    return tmp_path


def test_later_checkpoints_do_not_shadow_the_one_that_was_chosen(saved, capsys):
    train_step, checkpoints = state(saved)
    assert checkpoints.restore('3') and int(train_step.step) == 3
    printed = capsys.readouterr().out
    assert 'Going back to step 3. The checkpoints of steps 4, 5, 6 were moved to' in printed
    assert 'The checkpoint of step 4 was moved to' in printed
    assert steps(saved) == [1, 2, 3] and steps(saved, 'checkpoints', 'set_aside') == [4, 5, 6]
    assert steps(saved, 'best') == [] and steps(saved, 'best', 'set_aside') == [4]
    assert (saved / 'checkpoints' / 'set_aside' / 'curves.csv').exists()
    assert tf.train.latest_checkpoint(saved / 'checkpoints').endswith('ckpt-3')
    # The best one is forgotten, the next process continues, and a second time has its own folder.
    assert checkpoints.save_if_best(2.5)
    train_step, checkpoints = state(saved)
    assert checkpoints.restore() and int(train_step.step) == 3
    train_step.take(4)
    checkpoints.save()
    assert state(saved)[1].restore('2')
    assert steps(saved, 'checkpoints', 'set_aside-2') == [3, 4]
    assert steps(saved, 'checkpoints', 'set_aside') == [4, 5, 6]


def test_a_run_can_go_back_to_the_best_checkpoint(saved):
    for step in (1, 2, 3, 4):
        os.remove(saved / 'checkpoints' / f'ckpt-{step}.index')
    train_step, checkpoints = state(saved)
    assert checkpoints.restore('best') and int(train_step.step) == 4
    # It is a latest one, too, so that the run continues without the choice.
    assert steps(saved) == [4] and steps(saved, 'best') == [4]
    assert not checkpoints.save_if_best(0.5)


def test_a_checkpoint_that_does_not_exist_changes_nothing(saved):
    for which in ('7', 'newest', '../best/ckpt-4', ''):
        with pytest.raises(ValueError, match='no checkpoint .*steps: 1, 2, 3, 4, 5, 6'):
            state(saved)[1].restore(which)
    assert steps(saved) == [1, 2, 3, 4, 5, 6] and steps(saved, 'best') == [4]


def test_bits_per_dim_that_are_not_finite_are_never_best(tmp_path):
    checkpoints = state(tmp_path)[1]
    for value in (NAN, math.inf, -math.inf):
        assert not checkpoints.save_if_best(value)
    assert checkpoints.save_if_best(3.0)


def test_a_state_is_worth_saving_unless_steps_are_skipped_or_validation_fails(saved):
    train_step, checkpoints = state(saved)
    health = Health(train_step, checkpoints, 5)
    train_step.take(7)
    assert health.problem() is None
    train_step.take(8, skipped=1)
    assert 'the gradient of this step' in health.problem()
    health.validated(3.0, 3.0)
    # A finite validation speaks for the last state only.
    assert 'this step' in health.problem() and health.problem(at_end=True) is None
    train_step.take(9, skipped=2)
    assert 'last 2 steps' in health.problem(at_end=True)
    train_step.take(10)
    health.validated(3.0, math.inf)
    train_step.take(11)
    assert 'validation at step 10' in health.problem()
    with pytest.raises(RuntimeError, match='ended at step 11.*validation at step 10.*of step 6 '):
        health.check_end()
    health.validated(3.0, 3.0)
    assert health.problem() is None
    health.check_end()


def test_steps_that_were_skipped_between_two_checks_end_the_run(saved):
    train_step, checkpoints = state(saved)
    health = Health(train_step, checkpoints, 3)
    train_step.take(20, skipped=2)
    health.check_steps(lambda: pytest.fail('not yet'))
    train_step.take(21, skipped=3)
    train_step.take(30)
    with pytest.raises(RuntimeError, match='step 30: 3 consecutive .*; the cause. .*of step 6 '):
        health.check_steps(lambda: 'the cause')
    train_step.take(9, skipped=4)
    # Step 5 led to the first skipped one.
    with pytest.raises(RuntimeError, match='4 consecutive .* of step 4 .*steps 5, 6 were moved'):
        health.check_steps(lambda: 'the cause')
    train_step.take(4, skipped=3)
    with pytest.raises(RuntimeError, match='no checkpoint from before'):
        health.check_steps(lambda: 'the cause')
    assert steps(saved) == [1, 2, 3, 4]
