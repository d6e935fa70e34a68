"""Settings of Keras that a user has made for other programs do not reach tfwolf."""

import os
import pathlib
import runpy
import subprocess
import sys
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfwolf.core import pinned_keras
from tfwolf.core.variables import named_variables
from tfwolf.runs.configuration import read_configuration

ROOT = pathlib.Path(__file__).resolve().parents[2]
IN_A_PROCESS = """
import tfwolf, numpy as np, keras
from tfwolf.core.variables import named_variables
encoder = tfwolf.Encoder((8, 8, 1), latent_dim=2, widths=[4], out_channels=4)
print(keras.config.backend(), keras.config.floatx(), keras.config.image_data_format())
print(float(sum(np.abs(value).sum() for _, value in named_variables(encoder))))
"""


def digits_model():
    tiny = ['RefinedGlow.num_steps = [0, [1], 1]', 'RefinedGlow.hidden_channels = [4, 4, 4]']
    return read_configuration(['digits'], tiny).experiment().make_model((8, 8, 1), seed=0)


@pytest.fixture
def other_settings():
    with pinned_keras.default_settings():
        keras.config.set_floatx('float16')
        keras.config.set_image_data_format('channels_first')
        keras.config.set_dtype_policy('mixed_bfloat16')
        yield


def test_settings_of_layers_change_nothing(other_settings):
    found = named_variables(digits_model())
    with pinned_keras.default_settings():
        expected = named_variables(digits_model())
    assert [path for path, _ in found] == [path for path, _ in expected]
    for (path, one), (_, other) in zip(found, expected, strict=True):
        assert one.dtype == other.dtype, path
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other), err_msg=str(path))


def test_default_settings_are_for_a_while(other_settings):
    with pytest.raises(KeyError), pinned_keras.default_settings():
        assert (keras.config.floatx(), keras.config.image_data_format()) == (
            'float32',
            'channels_last',
        )
        assert keras.layers.Dense(2).compute_dtype == 'float32'
        raise KeyError
    assert keras.config.floatx() == 'float16'
    assert keras.config.image_data_format() == 'channels_first'
    assert keras.layers.Dense(2).compute_dtype == 'bfloat16'


def test_backend_and_keras_json_do_not_count(tmp_path):
    (tmp_path / 'keras.json').write_text(
        '{"backend": "torch", "floatx": "float64", "image_data_format": "channels_first"}'
    )
    done = subprocess.run(
        [sys.executable, '-c', IN_A_PROCESS],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=ROOT,
        env={**os.environ, 'KERAS_BACKEND': 'jax', 'KERAS_HOME': str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    settings, total = done.stdout.splitlines()
    assert settings == 'tensorflow float64 channels_first'
    from tfwolf.models.encoder import Encoder

    encoder = Encoder((8, 8, 1), latent_dim=2, widths=[4], out_channels=4)
    expected = sum(tf.reduce_sum(tf.abs(value)) for _, value in named_variables(encoder))
    np.testing.assert_allclose(float(total), float(expected), rtol=1e-5)


def test_another_backend_of_the_program_is_an_error(monkeypatch):
    config = types.SimpleNamespace(backend=lambda: 'torch')
    monkeypatch.setitem(sys.modules, 'keras', types.SimpleNamespace(config=config))
    with pytest.raises(RuntimeError, match="'torch'.*Import tfwolf before Keras"):
        runpy.run_path(pinned_keras.__file__)


def test_a_missing_backend_of_the_program_is_an_error(monkeypatch):
    monkeypatch.setitem(sys.modules, 'keras', None)
    with pytest.raises(RuntimeError, match='cannot be imported.*KERAS_BACKEND=tensorflow'):
        runpy.run_path(pinned_keras.__file__)


def test_all_modules_import_keras_from_one_place():
    found = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / 'tfwolf').rglob('*.py'))
        if 'import keras\n' in path.read_text().replace('pinned_keras import keras\n', '')
    ]
    assert found == []
    assert 'import keras as keras' in pathlib.Path(pinned_keras.__file__).read_text()
