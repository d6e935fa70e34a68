"""Deterministic operations: chosen by a flag, remembered, and the same weights on a CPU."""

import json

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import config

import tfwolf
from support.tool_runs import train_tiny
from tfwolf.core.variables import named_variables


@pytest.fixture
def restored():
    """TensorFlow's switch belongs to the process, which other tests share."""
    yield
    config.disable_op_determinism()


def weights(train_dir):
    return {
        path: np.asarray(value) for path, value in named_variables(tfwolf.load(train_dir).model)
    }


@pytest.mark.slow
def test_the_same_weights_on_a_cpu(restored, tmp_path):
    train_tiny(tmp_path / 'usual')
    assert not config.is_op_determinism_enabled()
    train_tiny(tmp_path / 'deterministic', '--deterministic')
    assert config.is_op_determinism_enabled()
    usual, deterministic = weights(tmp_path / 'usual'), weights(tmp_path / 'deterministic')
    assert usual.keys() == deterministic.keys()
    assert all(np.array_equal(usual[path], deterministic[path]) for path in usual)
    assert not (tmp_path / 'usual' / 'machine.json').exists()
    machine = tmp_path / 'deterministic' / 'machine.json'
    assert json.loads(machine.read_text()) == {'deterministic': True}
    train_tiny(tmp_path / 'deterministic')
    assert json.loads(machine.read_text()) == {}


def test_the_switch_comes_before_the_devices(restored):
    environment = tfwolf.Environment(strategy='one_device', deterministic=True)
    assert isinstance(environment.make_strategy(), tf.distribute.Strategy)
    assert config.is_op_determinism_enabled()
