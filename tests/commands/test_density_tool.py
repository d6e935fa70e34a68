"""Vectors from start to end: training, evaluation, densities of a file, samples, the picture."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

import tfwolf
from support.tool_runs import result, run_tool
from tfwolf.data.toy_densities import DENSITIES

TINY = (
    'VectorRealNVP.num_steps = 1',
    'VectorRealNVP.hidden_channels = 8',
    'dataset.num_examples = 2000',
    'train.init_batch_size = 256',
    'train.evaluate_every = 3',
    'train.log_every = 2',
)


@pytest.fixture(scope='module')
def toy_run(tmp_path_factory):
    """Returns the folder of a tiny run on the toy of rings, and what it printed."""
    train_dir = tmp_path_factory.mktemp('runs') / 'rings'
    bindings = [f'--gin_param={binding}' for binding in TINY]
    out, _ = run_tool('train', 'toy_rings', *bindings, f'--train_dir={train_dir}', '--max_steps=6')
    return train_dir, out


def test_training_is_in_nats(toy_run):
    train_dir, out = toy_run
    assert 'nats/dim' in out and 'bits' not in out and 'the least possible: 3.1332 nats' in out
    assert '1,620 training, 180 validation, 200 test vectors of 2 features' in out
    columns = next(csv.reader((train_dir / 'curves.csv').open()))
    assert 'nats_per_dim' in columns and not [name for name in columns if 'bits' in name]
    found = json.loads((train_dir / 'evaluation.json').read_text())
    assert found['dequantization'] == 'none' and 'bits_per_dim' not in found
    assert not (train_dir / 'samples.png').exists()


def test_evaluation_is_in_nats(toy_run):
    out, _ = run_tool('evaluate', f'--train_dir={toy_run[0]}', '--num_diagnosed=8')
    assert 'bits' not in out and '-log p(x)' in out and 'continuous values' in out
    assert 'largest error of f^-1(f(x)), in standard' in out and 'exact images' not in out
    header = next(csv.reader((toy_run[0] / 'evaluation_images.csv').open()))
    assert header[:2] == ['image', 'nats_per_dim']


def test_density_of_the_plane_and_of_a_file(toy_run, tmp_path):
    rows = DENSITIES['rings']().points(np.random.default_rng(0).random((30, 3)))
    np.savetxt(tmp_path / 'rows.csv', rows, delimiter=',')
    out, _ = run_tool(
        'density',
        f'--train_dir={toy_run[0]}',
        f'--file={tmp_path}/rows.csv',
        f'--output_dir={tmp_path}/out',
        '--grid=40',
        '--num_points=100',
    )
    assert '30 rows, mean log p = -' in out
    with Image.open(tmp_path / 'out' / 'density.png') as picture:
        assert picture.size[0] > 1000
    found = result(tmp_path / 'out')
    assert 0.5 < found['probability_on_grid'] < 1.05 and found['entropy_nats'] < 3.14
    table = np.genfromtxt(tmp_path / 'out' / 'log_likelihood.csv', delimiter=',', names=True)
    run = tfwolf.load(toy_run[0])
    np.testing.assert_allclose(
        table['log_likelihood_nats'], tfwolf.log_likelihood(run.model, rows), atol=1e-4
    )


def test_samples_are_a_table(toy_run, tmp_path):
    run_tool('sample', f'--train_dir={toy_run[0]}', '--num_samples=7', f'--output_dir={tmp_path}/s')
    lines = (tmp_path / 's' / 'samples.csv').read_text().splitlines()
    assert lines[0] == 'x,y' and len(lines) == 8
    samples, _ = tfwolf.sample_vectors(tfwolf.load(toy_run[0]).model, 7, seed=0)
    np.testing.assert_allclose(np.loadtxt(lines[1:], delimiter=','), samples, rtol=1e-5)


def test_commands_of_pictures_refuse_vectors(toy_run, tmp_path):
    for command, flags in (('reconstruct', []), ('export', [f'--export_dir={tmp_path}/e'])):
        _, errors = run_tool(command, f'--train_dir={toy_run[0]}', *flags, fails=True)
        assert 'images of 8 bits, but those of the run are float32' in errors
    _, errors = run_tool('sample', f'--train_dir={toy_run[0]}', '--temperatures=0,1', fails=True)
    assert '--temperatures is of samples that are pictures' in errors


def test_wrong_values_are_refused(tmp_path):
    bits = '--gin_param=Wolf.num_bits = 8'
    _, errors = run_tool('train', 'toy_rings', bits, f'--train_dir={tmp_path}/r', fails=True)
    assert 'values of type uint8 (num_bits = 8), but those of' in errors


@pytest.mark.slow
def test_a_toy_flow_reaches_the_entropy(tmp_path):
    """Held out within 0.05 nats of the entropy, the least that is possible."""
    params = [
        'WarmupCosine.total_updates = 1000',
        'VectorRealNVP.num_steps = 2',
        'VectorRealNVP.hidden_channels = 64',
    ]
    run = tfwolf.fit('toy_moons', tmp_path, max_steps=1000, params=params)
    found = run.test_result
    assert -0.05 < found['nll_nats'] - found['entropy_nats'] < 0.05, found['nll_nats']


def test_curves_are_drawn_in_nats_and_other_plots_say_why_not(toy_run, tmp_path):
    out, _ = run_tool('plots', f'--train_dir={toy_run[0]}', f'--output_dir={tmp_path}/out')
    curves = result(tmp_path / 'out' / 'curves')['curves']['train']
    assert 'nats_per_dim' in curves and 'bits_per_dim' not in curves
    assert 'terms is skipped: This run is of continuous values' in out
    assert 'kl is skipped: This command shows or writes images of 8 bits' in out
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['curves']
