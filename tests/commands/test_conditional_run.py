"""A run of a model with a condition: training, evaluation, and every command, which works or says
why not.
"""

import json

import numpy as np
import pytest
from PIL import Image

import tfwolf
from support.tool_runs import result, run_tool, train_tiny
from tfwolf.core.image_file import read_picture

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """Return the folder of a tiny run of digits, conditioned on 2x2 pixels, with its pictures."""
    return train_tiny(
        tmp_path_factory.mktemp('runs') / 'conditional',
        '--gin_param=Wolf.condition = @LowResolution',
        '--gin_param=train.picture_every = 3',
        '--gin_param=train.test_samples = 1',
        '--gin_param=train.test_images = 16',
        '--max_steps=3',
    )


def test_training_draws_conditions_samples_and_images(run):
    shown = np.asarray(Image.open(run / 'samples.png'))
    # Eight columns, and rows of conditions, four samples and images, of 64 pixels each.
    assert shown.shape[0] == 6 * 66 + 2 and shown.shape[1] > 8 * 66
    assert (run / 'switch.png').exists()
    evaluation = json.loads((run / 'evaluation.json').read_text())
    assert evaluation['condition'] == 'LowResolution(factor=4)'


def test_evaluation_names_the_condition(run):
    flags = ('--num_images=16', '--num_samples=2', '--num_diagnosed=4')
    printed, _ = run_tool('evaluate', f'--train_dir={run}', *flags)
    assert 'p(x|c), c = LowResolution(factor=4)' in printed and 'unusual images' not in printed
    assert all(len(line) <= 80 for line in printed.splitlines() if str(run) not in line)
    found = json.loads((run / 'evaluation.json').read_text())
    assert found['condition'] == 'LowResolution(factor=4)' and 'typicality' not in found
    assert found['reconstruction']['num_not_exact'] == 0
    assert set(found['non_finite_samples']) == {'0.7', '0.8', '0.9', '1.0'}


def test_samples_of_the_first_test_images(run, tmp_path):
    out = tmp_path / 'out'
    run_tool('sample', f'--train_dir={run}', '--num_images=3', '--save=npz', f'--output_dir={out}')
    loaded = tfwolf.load(run)
    images = loaded.dataset.test.load(range(3))['image']
    given = loaded.model.condition_of(images).numpy()
    expected = loaded.model.sample(12, condition=np.tile(given, [4, 1, 1, 1])).numpy()
    with np.load(out / 'samples.npz') as archive:
        assert np.abs(archive['images'].astype(int) - expected).max() <= 17
    about = result(out)['made_from']
    assert about['condition'] == 'LowResolution(factor=4)' and about['images'] == [0, 1, 2]
    assert about['num_samples'] == 12


def test_samples_at_temperatures_and_of_files(run, tmp_path):
    out = tmp_path / 'rows'
    run_tool(
        'sample',
        f'--train_dir={run}',
        '--temperatures=0,1',
        '--positions=5,9',
        '--num_samples=3',
        f'--output_dir={out}',
    )
    assert [row['temperature_v'] for row in result(out)['temperatures']] == [0, 1]
    small, large = tmp_path / 'small.png', tmp_path / 'large.png'
    Image.fromarray(np.array([[0, 250], [99, 3]], np.uint8)).save(small)
    Image.fromarray(np.full([8, 8], 77, np.uint8)).save(large)
    of_files = tmp_path / 'files'
    own = f'--condition_images={small}'
    run_tool('sample', f'--train_dir={run}', own, '--nocaptions', f'--output_dir={of_files}')
    assert result(of_files)['made_from']['condition_images'] == ['small.png']
    # The condition in the picture is the file.
    picture = read_picture(str(of_files / 'samples.png'))
    assert (picture.height, picture.width) == (5 * 66 + 2, 66 + 2)
    run_tool(
        'sample', f'--train_dir={run}', f'--images={large}', f'--output_dir={tmp_path / "large"}'
    )
    assert result(tmp_path / 'large')['num_samples'] == 4
    for flags, message in (
        ([f'--condition_images={large}'], 'is 8x8 (height x width), and the condition is 2x2'),
        ([f'--condition_images={small}', '--positions=1'], 'does not accept --positions'),
    ):
        _, error = run_tool('sample', f'--train_dir={run}', *flags, fails=True)
        assert message in error


def test_flags_of_conditions_need_a_model_with_one(tiny_run):
    for flag in ('--positions=1', '--num_images=3', '--condition_images=a.png'):
        _, error = run_tool('sample', f'--train_dir={tiny_run}', flag, fails=True)
        assert 'is for a model with a condition' in error


@pytest.mark.parametrize(
    'name, flags',
    [
        ('switch', ['--num_pairs=2']),
        ('reconstruct', ['--num_images=2', '--num_draws=1']),
        ('latents', ['--num_images=2', '--num_labelled=50', '--num_steps=3']),
        ('probe', ['--num_train=100', '--num_test=20', '--features=z,v']),
    ],
)
def test_commands_on_single_images_work(run, name, flags):
    printed, _ = run_tool(name, f'--train_dir={run}', *flags)
    if name == 'switch':
        assert 'LowResolution(factor=4), goes with v' in printed
    if name == 'latents':
        assert 'compression_zeroed.png' in printed and 'attribute.png' in printed
        assert 'manifold is skipped: The surface through four images needs a model' in printed
    if name == 'probe':
        assert 'z and v need not hold what the condition holds' in printed


@pytest.mark.parametrize(
    'name, flags',
    [
        ('interpolate', []),
        ('fid', ['--features=pixels', '--num_samples=20']),
        ('latents', ['--show=manifold']),
        ('latents', ['--show=extrapolation', '--scale=2']),
        ('export', ['--export_dir=EXPORTED']),
        ('export', ['--export_dir=EXPORTED', '--format=stablehlo']),
        ('explore', []),
        ('pack', ['--output_dir=PACKED']),
    ],
)
def test_other_commands_refuse_in_one_sentence(run, tmp_path, name, flags):
    flags = [
        flag.replace('EXPORTED', f'{tmp_path}/a').replace('PACKED', f'{tmp_path}/b')
        for flag in flags
    ]
    _, error = run_tool(name, f'--train_dir={run}', *flags, fails=True)
    assert 'needs a model without a condition' in error and 'Traceback' not in error
    assert 'LowResolution(factor=4)' in error


def test_the_summary_of_an_experiment_names_the_condition():
    printed, _ = run_tool('summary', 'digits', '--gin_param=Wolf.condition = @LowResolution')
    assert 'LowResolution(factor=4)' in printed


def test_a_condition_needs_a_flow_that_accepts_it(tmp_path):
    flags = ('--gin_param=Wolf.condition = @Grey', f'--train_dir={tmp_path}/run')
    _, error = run_tool('train', 'digits', *flags, fails=True)
    assert '`image_shape` must have 3 channels' in error
