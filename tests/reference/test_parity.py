"""Our numbers are the reference's, and models that do not fit are rejected with a reason."""

import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

from support.tool_runs import run_tool
from tfwolf.reference.configuration import gin_bindings

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / 'tests' / 'golden'
SMALL = GOLDEN / 'glow_refined_5bit_additive'
LABELS = GOLDEN / 'class_labels'
TINY = GOLDEN / 'wolf_tiny'
DEQUANTIZER = GOLDEN / 'wolf_dequant_tiny'
MACOW = GOLDEN / 'macow_tiny'


def importing(prefix, output, *more, **ending):
    """Import a golden model; return what was printed."""
    config = json.loads(pathlib.Path(f'{prefix}.json').read_text())['config']
    assert config['generator']['flow']['levels'] == 3
    num_bits = int(np.load(f'{prefix}.io.npz')['n_bits'])
    return run_tool(
        'import',
        f'--config={prefix}.json',
        f'--weights={prefix}.weights.npz',
        '--image_size=16,16',
        f'--num_bits={num_bits}',
        f'--output={output}',
        *more,
        **ending,
    )


def configuration(**changes):
    """Return the small model's configuration with changes in its flow."""
    values = json.loads(pathlib.Path(f'{SMALL}.json').read_text())['config']
    values['generator']['flow'].update(changes)
    return values


def checked(prefix, dtype='float64'):
    """Check the parity of a model; return what was printed."""
    printed, _ = run_tool('parity', f'--fixture={prefix}', f'--dtype={dtype}')
    assert ', 0 FAIL' in printed
    return printed


@pytest.mark.parametrize(
    'prefix, texts',
    [
        (TINY, ['trajectory loss', '347 ok']),
        (SMALL, []),
        (LABELS, ['gradient discriminator.embed.weight']),
        pytest.param(
            DEQUANTIZER,
            ['eval/dequant_u', 'train/dequant_log_prob', 'gradient dequantizer.encoder', '507 ok'],
            marks=pytest.mark.slow,
        ),
        pytest.param(MACOW, ['447 ok'], marks=pytest.mark.slow),
    ],
    ids=lambda value: getattr(value, 'name', ''),
)
def test_golden_models_agree(prefix, texts):
    printed = checked(prefix)
    for text in texts:
        assert text in printed


@pytest.mark.slow
@pytest.mark.parametrize('prefix', [TINY, SMALL, LABELS, DEQUANTIZER, MACOW], ids=lambda p: p.name)
def test_golden_models_agree_in_float32(prefix):
    printed = checked(prefix, 'float32')
    assert prefix != TINY or 'compared in float64 only' in printed


@pytest.mark.slow
def test_all_models_of_the_shared_folder_agree(shared):
    found = sorted((shared / 'golden').glob('*.weights.npz'))
    assert len(found) >= 6
    for path in found:
        for dtype in ('float64', 'float32'):
            checked(path.with_name(path.name.removesuffix('.weights.npz')), dtype)


@pytest.mark.parametrize(
    'prefix, more', [(SMALL, ['--lu']), pytest.param(TINY, [], marks=pytest.mark.slow)]
)
def test_an_imported_model_agrees_in_a_fresh_process(tmp_path, prefix, more):
    importing(prefix, tmp_path / 'model', *more)
    done = subprocess.run(
        [
            sys.executable,
            'tools/check_parity.py',
            f'--fixture={prefix}',
            f'--checkpoint={tmp_path / "model"}',
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0 and ', 0 FAIL' in done.stdout, done.stdout + done.stderr
    assert 'not an empty folder' in importing(prefix, tmp_path / 'model', fails=True)[1]


def test_a_wrong_number_or_an_unknown_array_fails(tmp_path):
    for path in GOLDEN.glob(f'{SMALL.name}.*'):
        shutil.copy(path, tmp_path / path.name)
    prefix = tmp_path / SMALL.name
    arrays = dict(np.load(f'{prefix}.io.npz'))
    arrays['eval/v'] = arrays['eval/v'] + 1e-6
    arrays['eval/bpd'] = np.full_like(arrays['eval/bpd'], np.nan)
    np.savez(f'{prefix}.io.npz', **arrays, **{'eval/extra': np.zeros(3)})
    printed, _ = run_tool('parity', f'--fixture={prefix}', code=1)
    failed = {line.split()[0] for line in printed.splitlines() if '  FAIL' in line}
    assert failed == {'eval/v', 'eval/bpd', 'eval/extra'}


def test_wrong_weights_are_reported_and_nothing_is_written(tmp_path):
    arrays = dict(np.load(f'{SMALL}.weights.npz'))
    missing = 'generator.flow.blocks.0.steps.0.actnorm.bias'
    del arrays[missing]
    shape = 'generator.flow.blocks.0.steps.0.conv1x1.weight'
    arrays[shape] = np.zeros([4, 3])
    np.savez(tmp_path / 'weights.npz', stray=np.zeros(2), **arrays)
    _, errors = run_tool(
        'import',
        f'--config={SMALL}.json',
        f'--weights={tmp_path / "weights.npz"}',
        '--image_size=16,16',
        '--num_bits=5',
        f'--output={tmp_path / "model"}',
        fails=True,
    )
    assert 'Traceback' not in errors
    for text in (
        f'missing: {missing} (3, 1, 1)',
        f'wrong shape: {shape} is (4, 3), must be (3, 3)',
        'unexpected: stray (2,)',
    ):
        assert text in errors
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
