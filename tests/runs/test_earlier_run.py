"""Runs, exports and variable names of earlier versions still load."""

import gzip
import json
import pathlib
import shutil

import numpy as np
import pytest
from test_experiments import SMALL

import tfwolf
from tfwolf.core.variables import named_variables
from tfwolf.runs.configuration import read_configuration
from tfwolf.serving.c_api import Servable

EARLIER = pathlib.Path(__file__).parents[1] / 'golden' / 'earlier_run'
VARIABLES = json.loads((EARLIER / 'variables.json').read_text())


@pytest.fixture(scope='module')
def run():
    return tfwolf.load(EARLIER / 'run')


def test_the_run_loads_and_its_evaluation_is_the_same(run):
    wanted = json.loads((EARLIER / 'run' / 'evaluation.json').read_text())
    assert (run.step, run.weights, run.dataset.title) == (6, 'averaged', 'digits')
    found = run.evaluate(num_samples=2, num_images=32, evaluators=())
    for name in ('bits_per_dim', 'bits_per_dim_iwae', 'kl_nats', 'reconstruction_nats'):
        assert found[name] == pytest.approx(wanted[name], rel=1e-5, abs=1e-5), name
    for name in ('data_fingerprint', 'checkpoint_sha256', 'weights', 'num_images'):
        assert found[name] == wanted[name], name


def test_its_training_continues(run, tmp_path):
    shutil.copytree(EARLIER / 'run', tmp_path / 'run')
    earlier = (tmp_path / 'run' / 'config.gin').read_text()
    assert "RefinedGlow.compute_dtype = 'float32'" in earlier
    params = [
        'RefinedGlow.num_steps = [0, [1], 2]',
        'RefinedGlow.hidden_channels = [4, 4, 4]',
        'Encoder.widths = [4]',
        'Encoder.out_channels = 4',
        'GaussianLatent.latent_dim = 4',
        'FlowPrior.num_steps = 1',
        'FlowPrior.hidden_features = 4',
        "ConvCouplingNet.compute_dtype = 'float32'",
    ]
    more = tfwolf.fit(
        'digits',
        tmp_path / 'run',
        params=params,
        max_steps=7,
        init_batch_size=64,
        test_samples=0,
        picture_every=0,
        evaluate_every=0,
        ema_decay=0.9,
        environment=tfwolf.Environment(strategy='one_device', verbose=False),
    )
    assert more.step == 7 and more.weights == 'averaged'


def test_the_export_is_unchanged_and_samples_equal_the_model(run, tmp_path):
    shutil.copytree(EARLIER / 'export' / '1', tmp_path / '1')
    packed = tmp_path / '1' / 'saved_model.pb.gz'
    (tmp_path / '1' / 'saved_model.pb').write_bytes(gzip.decompress(packed.read_bytes()))
    with np.load(EARLIER / 'export' / 'outputs.npz') as wanted:
        servable = Servable(tmp_path / '1')
        temperature = np.full(4, 0.8, np.float32)
        images = servable(
            'sample',
            {
                'seeds': np.array([[3, i] for i in range(4)]),
                'temperature_v': temperature,
                'temperature_z': temperature,
            },
        )['images']
        np.testing.assert_array_equal(images, wanted['images'])
        found = servable('encode', {'images': images})
        for name in ('v', 'z', 'z_log_variance'):
            np.testing.assert_allclose(found[name], wanted[name], atol=1e-5, err_msg=name)
        own = run.model.sample(4, seed=3, temperature_v=0.8, temperature_z=0.8).numpy()
        assert np.mean(own != wanted['images']) <= 1e-3


@pytest.mark.parametrize('name', VARIABLES)
def test_variables_have_the_same_names_shapes_and_initial_values(name):
    experiment = read_configuration([name], SMALL).experiment()
    model = experiment.make_model((8, 8, 3), seed=3)
    found = {'/'.join(path): variable for path, variable in named_variables(model)}
    wanted = {path: rest for path, *rest in VARIABLES[name]}
    assert list(found) == list(wanted)
    for path, (shape, dtype, trainable, size) in wanted.items():
        values = np.asarray(found[path])
        assert (list(values.shape), str(values.dtype), bool(found[path].trainable)) == (
            shape,
            dtype,
            trainable,
        ), path
        assert np.abs(values.astype(np.float64)).sum() == pytest.approx(size, rel=1e-5), path
