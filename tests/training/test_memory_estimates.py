"""What does not fit into memory is not started, and the message says what to lower."""

import json

import pytest
import tensorflow as tf

from support.tool_runs import TINY, run_tool
from tfwolf.runs.configuration import read_configuration
from tfwolf.training import memory
from tfwolf.training.flow_gradients import RECOMPUTE, REVERSIBLE
from tfwolf.training.memory import evaluation_bytes, shortage, training_bytes
from tfwolf.training.settings import Settings

FLAGS = [f'--gin_param={binding}' for binding in TINY]


@pytest.fixture(scope='module')
def model():
    experiment = read_configuration(['cifar10_small']).experiment()
    return experiment.make_model((32, 32, 3), seed=0)


@pytest.fixture
def free(monkeypatch):
    """Returns a function that sets the free memory, in bytes."""
    return lambda amount: monkeypatch.setattr(memory, 'free_bytes', lambda: amount)


def needed(model, **changes):
    return training_bytes(model, Settings(**{'batch_size': 256, 'max_steps': 1, **changes}))


def test_estimates_are_near_what_was_measured(model):
    """As in the table of `docs/pages/performance.md`, without half a gigabyte of the graph."""
    assert needed(model) == pytest.approx(2021e6 - 500e6, rel=0.3)
    assert needed(model, gradient_memory=REVERSIBLE) < needed(model, gradient_memory=RECOMPUTE)
    assert needed(model, gradient_memory=RECOMPUTE) < 0.5 * needed(model)
    parts = needed(model, accumulation_steps=4)
    assert needed(model, batch_size=64) == parts < needed(model)
    assert training_bytes(model, Settings(256, 1), num_replicas=4) == parts
    assert needed(model, ema_decay=0.9) > needed(model)
    assert evaluation_bytes(model, 256) < 0.3 * needed(model)


def test_a_flow_of_unknown_structure_has_its_parameters(model):
    class Flow:
        trainable_variables = ()

    class Model:
        flow = Flow()

    assert memory._levels(Model()) == ()
    assert needed(model, batch_size=1) > 4 * 4 * 1_000_000


def test_what_is_unknown_is_no_shortage(free):
    free(None)
    assert shortage(1e30, 'It', 'Lower it.') is None
    free(2 * memory.GIB)
    assert shortage(2 * memory.GIB, 'It', 'Lower it.') is None
    assert shortage(3 * memory.GIB, 'It', 'Lower it.') == (
        'It needs about 3.0 GiB of memory, and 2.0 GiB are free. Lower it.'
    )


def test_training_far_beyond_memory_is_refused_before_anything_is_written(free, tmp_path):
    free(1000)
    _, errors = run_tool('train', 'digits', *FLAGS, f'--train_dir={tmp_path / "run"}', fails=True)
    assert 'training step of 64 images needs about' in errors and 'train.batch_size' in errors
    assert not (tmp_path / 'run').exists()


def test_training_that_may_not_fit_is_a_warning(free, model, capsys):
    settings = Settings(batch_size=256, max_steps=1)
    free(0.7 * training_bytes(model, settings))
    memory.check_training(model, settings, tf.distribute.OneDeviceStrategy('/cpu:0'))
    assert 'WARNING: A training step of 256 images needs about' in capsys.readouterr().err
    # Both replicas take their half of the same memory.
    two = tf.distribute.MirroredStrategy(['/cpu:0', '/cpu:1'])
    free(0.9 * training_bytes(model, settings))
    memory.check_training(model, settings, two)
    assert 'WARNING' in capsys.readouterr().err
    free(2 * training_bytes(model, settings))
    memory.check_training(model, settings, two)
    assert capsys.readouterr().err == ''


def test_a_batch_of_an_evaluation_is_checked(free, tiny_run):
    free(1000)
    _, errors = run_tool('evaluate', f'--train_dir={tiny_run}', fails=True)
    assert 'A batch of 256 images needs' in errors and '--batch_size' in errors


@pytest.mark.parametrize('command', [['summary', '--speed'], ['benchmark']])
def test_what_only_describes_goes_on_without_timing(free, command):
    free(1000)
    printed, _ = run_tool(*command, '--gin_file=digits', *FLAGS)
    assert 'parameters' in printed and 'not timed. A training step of' in printed
    printed, _ = run_tool(*command, '--gin_file=digits', *FLAGS, '--json')
    found = json.loads(printed)
    assert 'needs about' in found['not_timed'] and found['parameters'] > 0
    assert 'days_to_max_steps' not in found
