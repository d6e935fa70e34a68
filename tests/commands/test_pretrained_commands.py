"""`tfwolf pack`, and the tools on a model of the package."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tfwolf.cli.catalog import load_command
from tfwolf.cli.main import define
from tfwolf.cli.opening import results_path
from tfwolf.cli.run_choice import chosen_run, run_folder
from tfwolf.runs.packing import CONTENT

ROOT = pathlib.Path(__file__).resolve().parents[2]


def tfwolf(folder, *arguments):
    """Runs `tfwolf ARGUMENTS` in a folder that also has the cache; returns what it prints."""
    done = subprocess.run(
        [sys.executable, '-m', 'tfwolf', *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        env={
            **os.environ,
            'CUDA_VISIBLE_DEVICES': '',
            'PYTHONPATH': str(ROOT),
            'XDG_CACHE_HOME': str(folder / 'cache'),
        },
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_pack_writes_a_model_measured_after_rounding(tiny_run, tmp_path):
    flags = ('--num_images=32', '--num_samples=1', '--training_time=3 s', '--training_command=ls')
    printed = tfwolf(
        tmp_path, 'pack', f'--train_dir={tiny_run}', '--output_dir=packed/tiny', *flags
    )
    assert 'bits/dim on 32 test images after rounding to half precision' in printed
    folder = tmp_path / 'packed' / 'tiny'
    assert {path.name for path in folder.iterdir()} == CONTENT
    found = json.loads((folder / 'evaluation.json').read_text())
    assert (found['step'], found['num_images'], found['averaged']) == (6, 32, False)
    assert found['reconstruction']['num_not_exact'] == 0
    assert found['command'].startswith('tfwolf evaluate --pretrained=tiny ')
    card = (folder / 'README.md').read_text()
    for text in ('# tiny', 'CC BY 4.0', '6 steps. It took 3 s.', '\nls\n', '## Limits'):
        assert text in card, text
    with np.load(folder / 'weights.npz') as weights:
        kernel = weights['latent/encoder/level0_block0/conv1/kernel']
        assert weights['initialized'] and kernel.dtype == np.float16
    assert (folder / 'config.gin').read_bytes() == (tiny_run / 'config.gin').read_bytes()


def test_sample_draws_from_a_pretrained_model(tmp_path):
    printed = tfwolf(tmp_path, 'sample', '--pretrained=digits', '--num_samples=4', '--nocaptions')
    folder = tmp_path / 'results' / 'digits' / 'sample'
    assert f'Written to {folder.relative_to(tmp_path)}' in printed
    assert Image.open(folder / 'samples.png').size == (2 * 66 + 2, 2 * 66 + 2)
    # Nothing is written to the cache but the run itself.
    assert not list((tmp_path / 'cache').rglob('results'))
    made_from = json.loads((folder / 'made_from.json').read_text())
    assert made_from['tool'] == 'sample' and made_from['weights'] == 'raw'


@pytest.mark.parametrize(
    'flags, run',
    [
        (['--pretrained=digits'], 'pretrained:digits'),
        (['--train_dir=pretrained:digits'], 'pretrained:digits'),
        (['pretrained:digits'], 'pretrained:digits'),
        (['runs/digits'], 'runs/digits'),
        ([], None),
    ],
)
def test_flags_name_a_run_or_a_pretrained_model(flags, run):
    options = define(load_command('sample'))
    options.parse(flags)
    assert chosen_run(options) == run
    if run is None:
        with pytest.raises(ValueError, match='A run is required: give --train_dir=FOLDER, or --'):
            run_folder(options)
    shown = results_path(options, 'runs/x', 'checkpoints/ckpt-3', 'sample')
    folder = (
        'runs/x/results/ckpt-3/sample' if run != 'pretrained:digits' else 'results/digits/sample'
    )
    assert shown == folder
