"""Our numbers are the reference's, and models that do not fit are rejected with a reason."""

import concurrent.futures
import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tfwolf.reference.configuration import gin_bindings

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / 'tests' / 'golden'
SMALL = GOLDEN / 'glow_refined_5bit_additive'
LABELS = GOLDEN / 'class_labels'
TINY = GOLDEN / 'wolf_tiny'
DEQUANTIZER = GOLDEN / 'wolf_dequant_tiny'
MACOW = GOLDEN / 'macow_tiny'


def tool(name, *arguments):
    """Run a tool in the root and return the finished process."""
    return subprocess.run(
        [sys.executable, f'tools/{name}.py', *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )


def importing(prefix, output, *more):
    """Import a golden model."""
    config = json.loads(pathlib.Path(f'{prefix}.json').read_text())['config']
    assert config['generator']['flow']['levels'] == 3
    num_bits = int(np.load(f'{prefix}.io.npz')['n_bits'])
    return tool(
        'import_wolf',
        f'--config={prefix}.json',
        f'--weights={prefix}.weights.npz',
        '--image_size=16,16',
        f'--num_bits={num_bits}',
        f'--output={output}',
        *more,
    )


def configuration(**changes):
    """Return the small model's configuration with changes in its flow."""
    values = json.loads(pathlib.Path(f'{SMALL}.json').read_text())['config']
    values['generator']['flow'].update(changes)
    return values


def checked(*cases):
    """Check the parity of models, each (path, dtype), and return the finished processes."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(
            pool.map(
                lambda case: tool('check_parity', f'--fixture={case[0]}', f'--dtype={case[1]}'),
                cases,
            )
        )
    for case, done in zip(cases, results):
        assert done.returncode == 0, (case, done.stdout[-3000:], done.stderr[-3000:])
        assert ', 0 FAIL' in done.stdout
    return results


def test_golden_models_agree():
    results = checked(*((prefix, 'float64') for prefix in (TINY, SMALL, LABELS)))
    assert 'gradient discriminator.embed.weight' in results[2].stdout
    assert 'trajectory loss' in results[0].stdout and '347 ok' in results[0].stdout


@pytest.mark.slow
def test_golden_models_agree_in_float32():
    models = (TINY, SMALL, LABELS, DEQUANTIZER, MACOW)
    results = checked(*((prefix, 'float32') for prefix in models))
    assert 'compared in float64 only' in results[0].stdout


@pytest.mark.slow
def test_a_dequantizer_and_macow_agree():
    dequantizer, macow = checked((DEQUANTIZER, 'float64'), (MACOW, 'float64'))
    assert '507 ok' in dequantizer.stdout and '447 ok' in macow.stdout
    for key in ('eval/dequant_u', 'train/dequant_log_prob', 'gradient dequantizer.encoder'):
        assert key in dequantizer.stdout


@pytest.mark.slow
def test_all_models_of_the_shared_folder_agree(shared):
    found = sorted((shared / 'golden').glob('*.weights.npz'))
    assert len(found) >= 6
    prefixes = [path.with_name(path.name.removesuffix('.weights.npz')) for path in found]
    checked(*((prefix, dtype) for prefix in prefixes for dtype in ('float64', 'float32')))


@pytest.mark.parametrize(
    'prefix, more', [(SMALL, ['--lu']), pytest.param(TINY, [], marks=pytest.mark.slow)]
)
def test_an_imported_model_agrees_in_a_fresh_process(tmp_path, prefix, more):
    done = importing(prefix, tmp_path / 'model', *more)
    assert done.returncode == 0, done.stderr
    done = tool('check_parity', f'--fixture={prefix}', f'--checkpoint={tmp_path / "model"}')
    assert done.returncode == 0 and ', 0 FAIL' in done.stdout, done.stdout + done.stderr
    again = importing(prefix, tmp_path / 'model')
    assert again.returncode == 2 and 'not an empty folder' in again.stderr


def test_a_wrong_number_or_an_unknown_array_fails(tmp_path):
    for path in GOLDEN.glob(f'{SMALL.name}.*'):
        shutil.copy(path, tmp_path / path.name)
    prefix = tmp_path / SMALL.name
    arrays = dict(np.load(f'{prefix}.io.npz'))
    arrays['eval/v'] = arrays['eval/v'] + 1e-6
    arrays['eval/bpd'] = np.full_like(arrays['eval/bpd'], np.nan)
    np.savez(f'{prefix}.io.npz', **arrays, **{'eval/extra': np.zeros(3)})
    done = tool('check_parity', f'--fixture={prefix}')
    assert done.returncode == 1, done.stderr
    failed = {line.split()[0] for line in done.stdout.splitlines() if '  FAIL' in line}
    assert failed == {'eval/v', 'eval/bpd', 'eval/extra'}


def test_wrong_weights_are_reported_and_nothing_is_written(tmp_path):
    arrays = dict(np.load(f'{SMALL}.weights.npz'))
    missing = 'generator.flow.blocks.0.steps.0.actnorm.bias'
    del arrays[missing]
    shape = 'generator.flow.blocks.0.steps.0.conv1x1.weight'
    arrays[shape] = np.zeros([4, 3])
    np.savez(tmp_path / 'weights.npz', stray=np.zeros(2), **arrays)
    done = tool(
        'import_wolf',
        f'--config={SMALL}.json',
        f'--weights={tmp_path / "weights.npz"}',
        '--image_size=16,16',
        '--num_bits=5',
        f'--output={tmp_path / "model"}',
    )
    assert done.returncode == 2 and 'Traceback' not in done.stderr
    for text in (
        f'missing: {missing} (3, 1, 1)',
        f'wrong shape: {shape} is (4, 3), must be (3, 3)',
        'unexpected: stray (2,)',
    ):
        assert text in done.stderr
    assert not (tmp_path / 'model').exists()


@pytest.mark.parametrize(
    'changes, message',
    [
        ({'coupling_type': 'masked'}, "coupling_type.*'masked'"),
        ({'transform': 'nlsq'}, "transform.*'nlsq'"),
        ({'unheard_of': 1}, 'unheard_of'),
        ({'num_steps': [1]}, 'num_steps'),
        ({'h_channels': 8}, 'h_channels'),
    ],
)
def test_options_that_the_paper_does_not_use_are_rejected(changes, message):
    with pytest.raises(ValueError, match=message):
        gin_bindings(configuration(**changes), (16, 16), 5)


def test_keys_without_effect_are_reported():
    bindings, notices = gin_bindings(configuration(num_groups=4), (16, 16), 5)
    assert len(notices) == 1 and 'num_groups' in notices[0]
    assert 'RefinedGlow.transform = @Additive()' in bindings and 'Wolf.num_bits = 5' in bindings
