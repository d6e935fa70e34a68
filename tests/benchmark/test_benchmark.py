"""Operations counted by hand, gradient drift, and the benchmark command."""

import functools
import json
import pathlib

import pytest
import tensorflow as tf

from support.small_models import random_images, small_wolf
from support.tool_runs import run_tool
from tfwolf.benchmark.drift import drift_warning, gradient_drift
from tfwolf.benchmark.flops import TRAINING_FACTOR, matmul_peak, training_flop_per_image
from tfwolf.benchmark.turns import Child, run_alone
from tfwolf.bijectors.transforms import BoundedAffine
from tfwolf.flows.refined_glow import RefinedGlow
from tfwolf.models.no_latent import NoLatent
from tfwolf.models.wolf import Wolf
from tfwolf.training.objective import Objective

TINY = [
    'RefinedGlow.num_steps = [0, [1], 1]',
    'RefinedGlow.hidden_channels = [4, 4, 4]',
    'Encoder.widths = [4]',
    'FlowPrior.num_steps = 1',
    'train.init_batch_size = 64',
]
FLAGS = [
    '--gin_file=gin/digits.gin',
    *(f'--gin_param={binding}' for binding in TINY),
    '--batch_size=8',
    '--json',
    '--steps=2',
    '--turns=2',
]


def test_operations_are_those_counted_by_hand():
    """An 8x8x1 image: four steps and a factor-out at 4x4 on 4 channels, one step at 2x2.

    Convolutions and 1x1 products are counted in every iteration of a loop.
    """
    flow = functools.partial(
        RefinedGlow, num_steps=[0, [4], 1], hidden_channels=[0, 5, 7], transform=BoundedAffine(1.0)
    )
    model = Wolf((8, 8, 1), 8, flow=flow, latent=NoLatent)
    model.initialized.assign(True)

    def coupling(kept, moved, hidden):
        return 9 * kept * hidden + hidden**2 + 9 * hidden * 2 * moved

    def step(channels, hidden):
        return channels**2 + 4 * coupling(channels // 2, channels // 2, hidden)

    middle = 4 * step(4, 5) + 4**2 + coupling(2, 2, 5)
    last = step(8, 7)
    expected = 2 * (16 * middle + 4 * last)
    assert training_flop_per_image(model) == TRAINING_FACTOR * expected


def test_the_encoder_counts_and_the_peak_is_plausible():
    with_z, without = small_wolf(), small_wolf(latent=None)
    for model in (with_z, without):
        model.initialized.assign(True)
    assert training_flop_per_image(with_z) > training_flop_per_image(without) > 0
    assert 1e8 < matmul_peak(tf.float32) < 1e15


@pytest.mark.slow
def test_gradient_drift_is_measured_and_warned_of():
    images = tf.constant(random_images(6))
    model = small_wolf(images=images.numpy())
    drift = gradient_drift(
        model, Objective(), images, model.draw_noise(6, tf.constant([0, 1])), 'reversible'
    )
    assert 0 < drift['whole_gradient'] < 1e-5 and drift_warning(drift) is None
    assert (
        gradient_drift(
            model, Objective(), images, model.draw_noise(6, tf.constant([0, 1])), 'recompute'
        )['worst_variable']
        < 1e-6
    )
    # A matrix that is nearly singular: its inverse multiplies rounding errors.
    matrix = model.flow.layers[1].inner.layers[0].weights['layers.1.matrix.weight']
    matrix.assign(matrix * tf.constant([1e-6] + 11 * [1.0]))
    bad = gradient_drift(
        model, Objective(), images, model.draw_noise(6, tf.constant([0, 1])), 'reversible'
    )
    assert 'recompute' in drift_warning(bad)
    assert 'recompute' in drift_warning({'whole_gradient': float('nan'), 'worst_variable': 0.0})


def run(*arguments):
    """Run the benchmark of a tiny model of digits; return its JSON."""
    return json.loads(run_tool('benchmark', *FLAGS, *arguments)[0])


def test_one_setting():
    result = run()
    assert list(result['start_seconds']) == [
        'imports',
        'data',
        'build',
        'initialization',
        'trace',
        'first run',
    ]
    assert all(seconds > 0 for seconds in result['start_seconds'].values())
    low, high = result['step_seconds']['quartiles']
    assert (
        0 < low <= result['step_seconds']['median'] <= high and result['step_seconds']['steps'] == 4
    )
    assert result['images_per_second'] == pytest.approx(8 / result['step_seconds']['median'])
    assert set(result['throughput_images_per_second']) == {'evaluate', 'encode', 'sample', 'input'}
    assert 0 < result['share_of_matmul_peak'] < 1 and result['memory_bytes']['resident'] > 2**27


def test_a_trace_of_a_few_steps(tmp_path):
    table = run('--nodetails', f'--profile={tmp_path}/traces')['trace']
    assert table['steps'] == 3 and pathlib.Path(table['file']).is_file()
    assert table['device'] is None or table['device']
    assert 0 < table['busy_seconds'] <= table['step_seconds'] and table['launches'] > 100
    groups = {row['group'] for row in table['groups']}
    networks = {'coupling networks: products', 'coupling networks: activations'}
    assert {'encoder: products', '1x1 convolutions', 'optimizer', *networks} <= groups


def test_a_trace_is_of_one_setting():
    _, errors = run_tool('benchmark', 'digits', '--profile=x', '--export_dir=y', fails=True)
    assert 'Give --profile without --vs' in errors


@pytest.mark.slow
def test_two_settings_take_turns():
    result = run('--vs', 'train.accumulation_steps = 2')
    quartiles = [result[side]['step_seconds_quartiles'] for side in ('first', 'second')]
    assert result['first_over_second'] == pytest.approx(quartiles[0][1] / quartiles[1][1])
    assert result['second_is'] == ['train.accumulation_steps = 2']
    assert all(result[side]['memory_bytes']['resident'] > 2**27 for side in ('first', 'second'))


def test_an_external_command():
    assert run_alone('echo text; echo \'{"step_s": 0.5}\'') == 0.5
    with pytest.raises(ValueError, match='exit code 3'):
        run_alone('echo no; exit 3')


def test_a_child_that_ends_early_is_an_error():
    with pytest.raises(RuntimeError, match='ended before it answered'):
        Child(['-c', 'raise SystemExit(1)']).ask('steps', 1)
