"""`tfwolf plots`: what is drawn is what the library computes, and what is not possible is told."""

import json
import shutil

import numpy as np
import pytest

import tfwolf
from support.tool_runs import result, run_tool
from tfwolf.cli import opening
from tfwolf.core.choices import PLOT_FORMATS, PLOT_PARTS
from tfwolf.evaluation.calibration import calibration, levels, noisy_v
from tfwolf.evaluation.latent_use import latent_use
from tfwolf.evaluation.outliers import coded_bits_per_dim
from tfwolf.pictures.description import read_description
from tfwolf.runs.earlier_results import earlier_results
from tfwolf.training.curves import read_curves

NUM_IMAGES = 12


@pytest.fixture(scope='module')
def drawn(tiny_run, tmp_path_factory):
    """Returns the run, the folder of its plots, and what the command printed."""
    run = tmp_path_factory.mktemp('plots') / 'run'
    shutil.copytree(tiny_run, run)
    checkpoint = tfwolf.load(run).identity
    made_from = {**checkpoint, 'tool': 'fid', 'images': None, 'extractor': {'name': 'pixels'}}
    for folder, count, distance in (('fid', 64, 9.0), ('fid-2', 256, 7.0), ('fid-3', 8, 1.0)):
        other = {'weights': 'averaged'} if folder == 'fid-3' else {}
        path = run / 'results' / 'ckpt-6' / folder / 'result.json'
        path.parent.mkdir(parents=True)
        path.write_text(
            json.dumps(
                {
                    'frechet_distance': distance,
                    'num_images': count,
                    'made_from': {**made_from, **other},
                }
            )
        )
    printed, _ = run_tool(
        'plots',
        f'--train_dir={run}',
        f'--num_images={NUM_IMAGES}',
        '--num_samples=6',
        '--temperatures=0,0.7',
        '--format=png,svg',
        '--seed=3',
    )
    return run, run / 'results' / 'ckpt-6' / 'plots', printed


def test_all_that_is_possible_is_drawn_and_the_rest_says_why(drawn):
    _, folder, printed = drawn
    assert 'probe is skipped: There are no results of `tfwolf probe`' in printed
    assert {path.name for path in folder.iterdir()} == {*PLOT_PARTS} - {'probe'}
    for path in folder.iterdir():
        assert (path / f'{path.name}.png').exists() and (path / f'{path.name}.svg').exists()
        assert result(path)['made_from']['tool'] == f'plots {path.name}'
        assert result(path)['made_from']['seed'] == 3


def test_curves_and_terms_are_those_of_the_run(drawn):
    run, folder, _ = drawn
    table = read_curves(str(run / 'curves.csv'))['train']
    curves = result(folder / 'curves')['curves']
    assert curves['train']['step'] == table['step'].tolist()
    assert curves['train']['bits_per_dim'] == table['bits_per_dim'].tolist()
    terms = result(folder / 'terms')
    nats = np.sum([terms[f'{name}_nats'] for name in
                   ('reconstruction', 'kl', 'dequantization', 'dequantizer')], axis=0)  # fmt: skip
    np.testing.assert_allclose(nats / (64 * np.log(2)), table['bits_per_dim'], rtol=1e-5)


def test_curves_and_terms_need_no_model(tiny_run, tmp_path, monkeypatch):
    def refuse(options):
        raise AssertionError('the model is loaded')

    monkeypatch.setattr(opening, 'open_run', refuse)
    flags = ('--show=curves,terms', '--format=svg', f'--output_dir={tmp_path}/out')
    run_tool('plots', f'--train_dir={tiny_run}', *flags)
    made_from = result(tmp_path / 'out' / 'terms')['made_from']
    assert made_from['checkpoint'] == 'ckpt-6' and made_from['tool'] == 'plots terms'
    assert read_description(tmp_path / 'out' / 'terms' / 'terms.svg') == {**made_from, 'step': 6}


def test_numbers_are_those_of_the_test_images(drawn):
    train_dir, folder, _ = drawn
    run = tfwolf.load(train_dir)
    images = run.dataset.test.load(np.arange(NUM_IMAGES))['image'].numpy()
    kl, use = result(folder / 'kl'), latent_use(run.model, images, 64)
    np.testing.assert_allclose(kl['kl_to_standard_normal_nats'], use.kl_nats, rtol=1e-5)
    np.testing.assert_allclose(kl['mean_variances'], use.mean_variances, rtol=1e-4)
    lengths = result(folder / 'file_length')
    assert lengths['coded_bits_per_dim'] == coded_bits_per_dim(images, 4).tolist()
    likely = result(folder / 'likelihoods')
    bits = likely['images_bits_per_dim']
    assert lengths['images_bits_per_dim'] == bits and len(bits) == NUM_IMAGES
    assert likely['most_likely'][0] == np.argmin(bits)
    assert likely['least_likely'][0] == np.argmax(bits)
    assert len(likely['samples_bits_per_dim']) + likely['num_samples_not_finite'] == 6
    found = result(folder / 'calibration')['levels']
    v = noisy_v(run.model, images, 64, 3)
    for level, expected in zip(found.values(), calibration(v, levels(run.model), 4), strict=True):
        np.testing.assert_allclose(level['quantiles'], expected.quantiles, rtol=1e-4, atol=1e-4)
        assert level['mean'] == pytest.approx(expected.mean, rel=1e-3, abs=1e-4)
    temperature = result(folder / 'temperature')
    assert temperature['temperatures'] == [0, 0.7]
    assert np.ptp(temperature['samples_variation'][0]) == 0
    assert temperature['images_bits_per_dim'] == np.median(bits)
    assert len(result(folder / 'invertibility')['layers']) > 3


def test_distances_are_read_from_results_of_the_same_weights(drawn):
    run, folder, _ = drawn
    found = result(folder / 'frechet')
    assert (found['counts'], found['frechet_distances']) == ([64, 256], [9, 7])
    results = str(run / 'results' / 'ckpt-6')
    identity = tfwolf.load(run).identity
    assert len(earlier_results(results, 'fid', identity)) == 2
    (run / 'results' / 'ckpt-6' / 'fid' / 'torn.json').write_text('{"made')
    assert len(earlier_results(results, 'fid', identity)) == 2, 'a damaged file is left out'
    assert earlier_results(results, 'fid', {**identity, 'checkpoint_sha256': 'x'}) == []
    assert earlier_results(results, 'probe', identity) == []


@pytest.mark.parametrize(
    'flags, message',
    [
        (['--show=color'], '--show must be some of curves,terms,'),
        (['--format=gif'], "--format must be some of png,svg,pdf; got 'gif'"),
        (['--temperatures=-1'], '--temperatures must be comma-separated numbers'),
        (['--show=probe'], 'There are no results of `tfwolf probe` on this model; run it first.'),
    ],
)
def test_bad_input_is_told_in_words(tiny_run, tmp_path, flags, message):
    _, errors = run_tool(
        'plots', f'--train_dir={tiny_run}', f'--output_dir={tmp_path}/out', *flags, fails=True
    )
    assert message in errors


def test_names_are_those_of_the_rooms():
    from tfwolf.cli.plot_parts import PARTS
    from tfwolf.plots.figure_files import FORMATS

    assert tuple(PARTS) == PLOT_PARTS and FORMATS == PLOT_FORMATS
