"""The commands as a user types them: a short run from start to end, resumed and evaluated, and what
bad input gets.
"""

import json
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from support.tool_runs import run_tool
from tfwolf.cli import main as cli
from tfwolf.core.files import sha256
from tfwolf.pictures.description import read_description

ROOT = pathlib.Path(__file__).resolve().parents[2]
DIGITS = '--gin_file=gin/digits.gin'
# One step a level, no loops: traced in seconds.
TINY = [
    'RefinedGlow.num_steps = [0, [1], 1]',
    'RefinedGlow.hidden_channels = [4, 4, 4]',
    'Encoder.widths = [4]',
    'FlowPrior.num_steps = 1',
    'train.init_batch_size = 64',
    'train.log_every = 2',
    'train.test_samples = 1',
    'train.picture_every = 0',
    'train.evaluate_every = 4',
    'train.checkpoint_every = 2',
    'train.num_pictures = 4',
]
TINY = [f'--gin_param={binding}' for binding in TINY]


def tfwolf(command, *arguments, timeout=300):
    """Runs `python -m tfwolf.COMMAND` in the root and returns the finished process."""
    return subprocess.run(
        [sys.executable, '-m', f'tfwolf.{command}', *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """Returns the folder of a finished run of six steps, and what it printed."""
    train_dir = tmp_path_factory.mktemp('runs') / 'digits'
    done = tfwolf('train', DIGITS, *TINY, f'--train_dir={train_dir}', '--max_steps=6')
    assert done.returncode == 0, done.stderr
    return train_dir, done.stdout


def test_training_leaves_everything_it_names(run):
    train_dir, printed = run
    for name in (
        'checkpoints',
        'best',
        'evaluation.json',
        'config.gin',
        'samples.png',
        'switch.png',
    ):
        assert (train_dir / name).exists() and str(train_dir / name) in printed, name
    for name in ('operative_config.gin', 'tensorboard', 'curves.csv'):
        assert (train_dir / name).exists()
    assert '-m tfwolf evaluate' in printed and 'WARNING: posterior collapse' in printed
    result = json.loads((train_dir / 'evaluation.json').read_text())
    assert result['num_images'] == 360 and 2 < result['bits_per_dim'] < 8
    assert result['bits_per_dim_iwae'] <= result['bits_per_dim'] + 1e-6
    samples = np.asarray(Image.open(train_dir / 'samples.png'))
    for name in ('samples', 'switch'):
        about = read_description(train_dir / f'{name}.png')
        assert about['config_sha256'] == sha256(str(train_dir / 'config.gin')), name
        assert (about['picture'], about['num_images'], about['seed']) == (name, 4, 0)
        assert about['step'] == 6 and about['dataset'] == 'digits'
        assert about['weights'] == result['weights'] and about['versions'] == result['versions']
    # Four samples under a caption.
    assert samples.shape == (18 + 2 * 66 + 2, 2 * 66 + 2, 3)
    tags = set()
    for file in (train_dir / 'tensorboard').glob('*/*'):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            tags |= {(file.parent.name, value.tag) for value in event.summary.value}
    wanted = {
        ('train', 'bits_per_dim'),
        ('train', 'kl_nats'),
        ('train', 'train/kl_per_dim_nats'),
        ('train', 'train/gradient_norm'),
        ('train', 'train/update_norm'),
        ('train', 'train/learning_rate'),
        ('train', 'train/images_per_second'),
        ('validation', 'bits_per_dim'),
        ('validation', 'kl_nats'),
        ('train', 'samples'),
        ('train', 'samples/not_finite'),
        ('train', 'switch'),
        ('train', 'switch/not_finite'),
        ('train', 'config'),
    }
    assert wanted <= tags, wanted - tags


def test_resume_continues_and_evaluate_works_on_the_run(run):
    train_dir, _ = run
    more, _ = run_tool('train', DIGITS, *TINY, f'--train_dir={train_dir}', '--max_steps=8')
    assert 'Continuing from step 6' in more
    assert (train_dir / 'checkpoints' / 'ckpt-8.index').exists()
    printed, _ = run_tool(
        'evaluate', f'--train_dir={train_dir}', '--split=validation', '--num_samples=3'
    )
    result = json.loads((train_dir / 'evaluation.json').read_text())
    assert (result['num_images'], result['num_samples'], result['checkpoint']) == (144, 3, 'ckpt-8')
    assert result['bits_per_dim_iwae'] < result['bits_per_dim']
    assert result['iwae_gap_bits_per_dim'] == result['bits_per_dim'] - result['bits_per_dim_iwae']
    assert (
        result['bits_per_dim_interval_95'][0]
        < result['bits_per_dim']
        < result['bits_per_dim_interval_95'][1]
    )
    assert (
        result['reconstruction']['num_not_exact'] == 0
        and len(result['non_finite_samples']) == 4
        and result['invertibility']
    )
    assert {
        'typicality',
        'complexity',
        'likelihood_caveat',
        'data_fingerprint',
        'dataset_version',
        'versions',
        'seed',
    } <= result.keys()
    rows = (train_dir / 'evaluation_images.csv').read_text().splitlines()
    assert len(rows) == 145 and np.mean(
        [float(row.split(',')[1]) for row in rows[1:]]
    ) == pytest.approx(result['bits_per_dim'], rel=1e-12)
    assert (
        result['likelihood_caveat'] in ' '.join(printed.split())
        and not (train_dir / 'evaluation.unfinished.npz').exists()
    )
    parts = result['reconstruction_nats'] + result['kl_nats'] + result['dequantization_nats']
    assert result['bits_per_dim'] == pytest.approx(parts / (64 * np.log(2)), rel=1e-6)


def test_ctrl_c_saves_and_exits_with_130(tmp_path):
    train_dir = tmp_path / 'run'
    process = subprocess.Popen(
        [
            sys.executable,
            '-m',
            'tfwolf.train',
            DIGITS,
            *TINY,
            f'--train_dir={train_dir}',
            '--gin_param=train.checkpoint_every = 0',
            '--max_steps=1000000',
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    printed = ''
    for line in process.stdout:
        printed += line
        if 'First step (' in printed:
            break
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    printed += process.communicate(timeout=60)[0]
    assert process.returncode == 130, printed
    assert 'the same command continues it' in printed
    assert tf.train.latest_checkpoint(str(train_dir / 'checkpoints')).split('-')[-1] != '0'


def test_export_publishes_a_verified_version(run, tmp_path):
    train_dir, _ = run
    out = tmp_path / 'out'
    printed, _ = run_tool(
        'export',
        f'--train_dir={train_dir}',
        f'--export_dir={out}',
        '--checkpoint=best',
        '--seed=7',  # of the example inputs; the card has that of the training
    )
    assert str(out / '1') in printed and 'agree with the checkpoint' in printed
    described = json.loads((out / '1' / 'signatures.json').read_text())
    assert described['image_shape'] == [8, 8, 1] and described['signatures']['encode']['inputs'][
        'images'
    ]['shape'] == ['batch', 8, 8, 1]
    card = (out / '1' / 'model_card.md').read_text()
    assert (
        described['weights_sha256'] in card
        and 'RefinedGlow.num_steps = [0, [1], 1]' in card
        and '# seed = 0' in card
        and 'numbers differ by at most' in card
    )
    assert {path.name for path in out.iterdir()} >= {
        '1',
        'models.config',
        'batching.config',
        'compose.yaml',
        'client.py',
    }
    images = (
        np.random.default_rng(0).integers(0, 16, (2, 8, 8, 1)).astype(np.uint8) * 17
    )  # what 4 bits can show
    np.save(tmp_path / 'images.npy', images)
    # By the command of TensorFlow, and by its library.
    command = [sys.executable, '-m', 'tensorflow.python.tools.saved_model_cli', 'run']
    what = ['--dir', out / '1', '--tag_set', 'serve', '--signature_def', 'encode']
    files = ['--inputs', 'images=images.npy', '--outdir', '.']
    called = subprocess.run(
        [*command, *what, *files], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert called.returncode == 0, called.stderr[-2000:]
    codes = {name: tf.constant(np.load(tmp_path / f'{name}.npy')) for name in ('z', 'v')}
    decode = tf.saved_model.load(str(out / '1')).signatures['decode']
    np.testing.assert_array_equal(decode(**codes)['images'], images)

    (out / '7').mkdir()
    (tmp_path / 'file').write_text('')
    for arguments, message in (
        ([f'--export_dir={out}', '--version=7'], '7 already exists; nothing was written'),
        ([f'--export_dir={tmp_path / "file" / "out"}'], 'is not writable'),
        ([], '--export_dir is required'),
        ([f'--export_dir={out}', '--checkpoint=99'], "no checkpoint '99'"),
        ([f'--export_dir={out}', '--weights=ema'], 'trained with train.ema_decay = 0'),
    ):
        _, printed = run_tool('export', f'--train_dir={train_dir}', *arguments, fails=True)
        assert message in printed
    assert not [path for path in out.iterdir() if path.name.startswith('.')]


def test_an_interrupted_evaluation_keeps_what_it_has(run):
    train_dir, _ = run
    process = subprocess.Popen(
        [
            sys.executable,
            '-m',
            'tfwolf.evaluate',
            f'--train_dir={train_dir}',
            '--num_samples=100000',
            '--batch_size=4',
            '--checkpoint=best',
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    for line in process.stdout:
        if '360 images' in line:
            break
    process.send_signal(signal.SIGINT)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    printed = process.communicate(timeout=60)[0]
    assert process.returncode == 130 and 'the same command continues' in printed, printed
    assert (train_dir / 'evaluation.unfinished.npz').exists()


def test_check_data_says_what_is_there_and_what_is_missing(tmp_path):
    found = json.loads(run_tool('data', DIGITS, '--json')[0])
    assert [part['num_images'] for part in found['splits'].values()] == [1293, 144, 360] and found[
        'image_shape'
    ] == [8, 8, 1]
    assert len({part['sha256'] for part in found['splits'].values()}) == 3
    _, printed = run_tool('data', 'celebahq256', f'--data_dir={tmp_path}', fails=True)
    assert f'{tmp_path}/downloads/manual' in printed and not list(tmp_path.iterdir())


def test_summary_for_machines():
    summary = json.loads(run_tool('summary', 'cifar10_small', '--json')[0])
    assert (summary['parameters'], summary['latent_dim'], summary['image_shape']) == (
        1_630_768,
        64,
        [32, 32, 3],
    )
    assert [level['channels'] for level in summary['levels']] == [3, 12, 9, 24, 18, 48]
    assert (
        sum(level['leaving'] * level['height'] * level['width'] for level in summary['levels'])
        == 32 * 32 * 3
    )


def refused(capsys, *arguments):
    """Calls `tfwolf.train` with arguments that end it, in this process; returns its exit code and
    stderr.
    """
    with pytest.raises(SystemExit) as ended:
        cli.run('train', [*map(str, arguments)])
    return ended.value.code, capsys.readouterr().err


def test_bad_input_ends_in_one_paragraph_and_exit_code_2(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    # It belongs to the whole process, and other tests share this one.
    monkeypatch.setattr(cli, '_set_up_tensorflow', lambda: None)
    train_dir, _ = run
    before = sorted(
        (path, path.stat().st_mtime_ns) for path in train_dir.rglob('*') if path.is_file()
    )
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'used').mkdir()
    (tmp_path / 'used' / 'notes.txt').write_text('mine')
    (tmp_path / 'bad').mkdir()
    for index in range(3):
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / 'bad' / f'{index}.png')
    (tmp_path / 'bad' / '1.png').write_bytes(b'no picture')
    empty_gin = tmp_path / 'empty.gin'
    empty_gin.write_text('train.batch_size = 4\n')
    unbound_gin = tmp_path / 'unbound.gin'
    unbound_gin.write_text(
        (ROOT / 'gin' / 'digits.gin')
        .read_text()
        .replace('dataset.source', '# ')
        .replace("'includes/", "'gin/includes/")
    )
    new = f'--train_dir={tmp_path / "new"}'

    def source(value):
        return f'--gin_param=dataset.source = {value!r}'

    folder = [DIGITS, new, '--gin_param=dataset.validation_size = 1']
    cases = [
        (['--gin_file=gin/nope.gin', new], 'no gin file'),
        ([DIGITS, new, '--gin_param=Wolf.widht = 3'], 'widht'),
        ([DIGITS, new, '--gin_param=Nope.x = 3'], 'Nope'),
        ([DIGITS, new, '--wrong=1'], 'wrong'),
        ([DIGITS, new, '--strategy=three'], 'three'),
        ([f'--gin_file={empty_gin}', new], 'Nothing to train'),
        ([f'--gin_file={unbound_gin}', new], '`dataset.source` is not bound'),
        ([DIGITS], '--train_dir'),
        ([DIGITS, new, 'stray'], 'stray'),
        ([DIGITS, new, '--gin_param=Wolf.num_bits = 0'], 'num_bits'),
        (
            [
                DIGITS,
                new,
                '--gin_param=RefinedGlow.num_steps = [0, [1], [1], [1], 1]',
                '--gin_param=RefinedGlow.hidden_channels = [4, 4, 4, 4, 4]',
            ],
            'must be even',
        ),
        ([*folder, source(f'folder:{tmp_path / "empty"}')], 'holds no images'),
        ([*folder, source(f'folder:{tmp_path / "bad"}')], '1.png'),
        (
            [DIGITS, new, source('tfds:cifar10'), f'--data_dir={tmp_path}', '--nodownload'],
            '--data_dir',
        ),
        ([DIGITS, f'--train_dir={train_dir}', *TINY, '--noresume'], 'already contains a run'),
        (
            [DIGITS, f'--train_dir={train_dir}', *TINY, '--gin_param=Wolf.num_bits = 3'],
            'Wolf.num_bits = 3',
        ),
        (
            [DIGITS, f'--train_dir={tmp_path / "used"}', *TINY],
            "other files, such as 'notes.txt', and no run of tfwolf",
        ),
    ]
    for arguments, message in cases:
        code, printed = refused(capsys, *arguments)
        assert code == 2 and message in printed and 'Traceback' not in printed, (arguments, printed)
    # As a user meets it, in a process of its own.
    arguments, message = cases[1]
    done = tfwolf('train', *arguments)
    assert done.returncode == 2 and message in done.stderr and 'Traceback' not in done.stderr, (
        done.stderr
    )
    assert not (tmp_path / 'new').exists()
    assert before == sorted(
        (path, path.stat().st_mtime_ns) for path in train_dir.rglob('*') if path.is_file()
    )


@pytest.mark.slow
def test_both_phases_of_lcma_by_one_command_and_interrupted(tmp_path):
    """A run interrupted wherever it is ends as one that was not."""
    tiny = [
        'experiment.image_shape = (8, 8, 3)',
        "dataset.source = 'synthetic'",
        'dataset.image_size = (8, 8)',
        'dataset.num_examples = 128',
        'dataset.validation_size = 16',
        'RealNVP.num_scales = 2',
        'RealNVP.hidden_channels = 4',
        'ResidualCouplingNet.num_blocks = 0',
        'lcma.phase1_steps = 60',
        'train.batch_size = 16',
        'train.init_batch_size = 64',
        'train.picture_every = 0',
        'train.evaluate_every = 0',
        'train.checkpoint_every = 0',
        'train.num_pictures = 4',
    ]
    arguments = [
        '--gin_file=gin/lcma_realnvp_cifar10_small.gin',
        *(f'--gin_param={binding}' for binding in tiny),
        '--max_steps=20',
    ]
    whole = tfwolf('train', *arguments, f'--train_dir={tmp_path / "whole"}')
    assert whole.returncode == 0, whole.stderr
    assert 'Phase 1: 60 steps' in whole.stdout and 'Phase 1 finished' in whole.stdout
    process = subprocess.Popen(
        [sys.executable, '-m', 'tfwolf.train', *arguments, f'--train_dir={tmp_path / "stopped"}'],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    for line in process.stdout:
        if 'First step (' in line:
            break
    process.send_signal(signal.SIGINT)
    printed = process.communicate(timeout=60)[0]
    assert process.returncode == 130, printed
    done = tfwolf('train', *arguments, f'--train_dir={tmp_path / "stopped"}')
    assert done.returncode == 0, done.stderr
    results = [
        json.loads((tmp_path / name / 'evaluation.json').read_text())
        for name in ('whole', 'stopped')
    ]
    assert (
        results[0]['bits_per_dim'] == results[1]['bits_per_dim']
        and results[0]['num_not_finite'] == 0
    )
    evaluated = tfwolf(
        'evaluate', f'--train_dir={tmp_path / "stopped"}', '--num_samples=1', '--num_diagnosed=4'
    )
    assert evaluated.returncode == 0, evaluated.stderr
    result = json.loads((tmp_path / 'stopped' / 'evaluation.json').read_text())
    assert result['reconstruction']['num_not_exact'] == 0 and {
        'BatchNormFlow',
        'Arrangement',
        'Logit',
    } <= {row['kind'] for row in result['invertibility']}
