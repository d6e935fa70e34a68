"""A run of Jet with z: training, evaluation and every command, as with every other flow."""

import json

import numpy as np
import pytest

import tfwolf
from support.tool_runs import result, run_tool, train_tiny

pytestmark = pytest.mark.slow

JET = (
    'Wolf.flow = @Jet',
    'Jet.num_couplings = 5',
    'Jet.hidden_channels = 8',
    'Jet.patch_size = 2',
    'Jet.net = @VisionTransformer',
    'VisionTransformer.num_heads = 2',
    'train.test_images = 16',
)
PARAMS = [f'--gin_param={binding}' for binding in JET]


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """Returns the folder of a tiny run of digits with Jet as the flow."""
    return train_tiny(tmp_path_factory.mktemp('runs') / 'jet', *PARAMS)


def test_it_trains_and_is_evaluated(run):
    flags = ('--num_images=16', '--num_samples=2', '--num_diagnosed=4')
    printed, _ = run_tool('evaluate', f'--train_dir={run}', *flags)
    assert 'bits' in printed
    found = json.loads((run / 'evaluation.json').read_text())
    assert found['reconstruction']['num_not_exact'] == 0 and 2 < found['bits_per_dim'] < 8
    assert found['non_finite_samples'] == dict.fromkeys(('0.7', '0.8', '0.9', '1.0'), 0)


def test_its_summary_names_every_group_of_couplings():
    printed, _ = run_tool(
        'summary', 'digits', *PARAMS, '--gin_param=Jet.conditioned = (0, 2)', '--json'
    )
    levels = json.loads(printed)['levels']
    assert [level['num_steps'] for level in levels] == [2, 3]
    assert {(level['height'], level['width'], level['channels']) for level in levels} == {(4, 4, 4)}


@pytest.mark.parametrize('gradient_memory', ['store', 'recompute', 'reversible'])
def test_training_with_less_memory_gives_the_same_run(run, tmp_path, gradient_memory):
    other = train_tiny(
        tmp_path / 'run', *PARAMS, f"--gin_param=train.gradient_memory = '{gradient_memory}'"
    )
    x = np.random.default_rng(0).integers(0, 17, (4, 8, 8, 1), np.uint8)
    first, second = (tfwolf.load(folder).model.encode(x) for folder in (run, other))
    for wanted, found in zip(first, second):
        np.testing.assert_allclose(found, wanted, atol=1e-4)


@pytest.mark.parametrize(
    'name, flags',
    [
        ('sample', ['--num_samples=4', '--temperatures=0,1']),
        ('switch', ['--num_pairs=2']),
        ('interpolate', []),
        ('reconstruct', ['--num_images=2', '--num_draws=1']),
        ('latents', ['--num_images=2', '--num_labelled=50', '--num_steps=3']),
        ('probe', ['--num_train=100', '--num_test=20', '--features=z,v']),
        ('fid', ['--features=pixels', '--num_samples=20']),
        ('plots', ['--num_images=16', '--num_samples=4', '--temperatures=0,1']),
        ('report', ['--parts=switch,temperatures']),
        ('export', ['--export_dir=EXPORTED']),
        ('export', ['--export_dir=EXPORTED', '--format=stablehlo', '--batch_sizes=2']),
        ('pack', ['--output_dir=EXPORTED']),
    ],
)
def test_every_command_works(run, tmp_path, name, flags):
    flags = [flag.replace('EXPORTED', f'{tmp_path}/out') for flag in flags]
    run_tool(name, f'--train_dir={run}', *flags)


def test_plots_show_the_error_of_every_coupling(run):
    run_tool('plots', f'--train_dir={run}', '--show=invertibility', '--num_images=8')
    (path,) = (run / 'results').glob('*/plots/invertibility')
    layers = result(path)['layers']
    assert len(layers) >= 5 and all(layer['round_trip_error'] < 1e-3 for layer in layers)
