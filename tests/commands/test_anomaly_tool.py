"""`tfwolf anomaly`: scores, maps, tables, pictures and errors."""

import csv

import numpy as np
import pytest

from support.tool_runs import result, run_tool
from tfwolf.evaluation.auroc import auroc
from tfwolf.evaluation.corruptions import parse_corruption, patch_places
from tfwolf.pictures.description import read_description

NUM = 24


@pytest.fixture(scope='module')
def patches(tmp_path_factory):
    """Returns the results of the shipped model of digits against squares of noise."""
    folder = tmp_path_factory.mktemp('anomaly') / 'results'
    printed, _ = run_tool(
        'anomaly',
        '--pretrained=digits',
        f'--num_images={NUM}',
        '--artefact=patch:3',
        '--num_samples=16',
        '--num_shown=4',
        f'--output_dir={folder}',
    )
    return folder, printed


def test_a_model_tells_images_with_artefacts(patches):
    folder, printed = patches
    areas = result(folder)['sets']['patch:3']['auroc']
    assert areas['bits_per_dim']['value'] > 0.9
    assert set(areas) == {
        'bits_per_dim',
        'absolute_typicality',
        'complexity_corrected_bits_per_dim',
    }
    for area in areas.values():
        assert 0 <= area['low'] <= area['value'] <= area['high'] <= 1
    assert f'AUROC {areas["bits_per_dim"]["value"]:.3f}' in printed


def test_maps_show_where_the_artefact_is(patches):
    """The square of noise is among the most unusual pixels of its image."""
    folder, _ = patches
    maps = np.load(folder / 'maps.npz')['patch_3']
    places = patch_places((NUM, *maps.shape[1:]), 3, np.random.default_rng(0))
    inside = np.zeros(maps.shape, bool)
    for image, (top, left) in zip(inside, places, strict=True):
        image[top : top + 3, left : left + 3] = True
    assert auroc(maps[~inside], maps[inside], num_resamples=1).value > 0.75


def test_maps_add_up_to_bits_per_dim(patches):
    folder, _ = patches
    rows = list(csv.DictReader((folder / 'scores.csv').read_text().splitlines()))
    assert [row['set'] for row in rows] == ['images'] * NUM + ['patch:3'] * NUM
    bits = np.array([float(row['bits_per_dim']) for row in rows])
    maps = np.load(folder / 'maps.npz')
    sums = np.concatenate([maps['images'], maps['patch_3']]).sum(axis=(1, 2))
    num_dims = np.prod(maps['images'].shape[1:])
    np.testing.assert_allclose(sums / num_dims, bits, rtol=1e-5)


def test_files(patches):
    folder, _ = patches
    for name in ('maps.png', 'histograms.png'):
        assert read_description(folder / name)['tool'] == 'anomaly'


def test_other_images_are_brought_to_the_size_of_the_model(tiny_run, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (12, 20, 30, 3)).astype(np.uint8)
    np.savez(tmp_path / 'other.npz', images=images)
    run_tool(
        'anomaly',
        f'--train_dir={tiny_run}',
        f'--against={tmp_path / "other.npz"}',
        '--num_images=6',
        '--num_samples=0',
        '--num_draws=1',
        f'--background={tiny_run}',
        f'--output_dir={tmp_path / "results"}',
    )
    found = result(tmp_path / 'results')['sets']
    other = found[str(tmp_path / 'other.npz')]
    assert other['num_images'] == 6 and other['mean']['ratio_bits_per_dim'] == 0
    assert 'absolute_typicality' not in other['mean']


@pytest.mark.parametrize(
    'flags, message',
    [
        (['--artefact=blr:1'], 'An artefact is one of noise:AMOUNT'),
        (['--against=nowhere'], "there is no 'nowhere'"),
        (['--num_draws=0'], 'num_draws'),
    ],
)
def test_errors(tiny_run, flags, message):
    _, errors = run_tool('anomaly', f'--train_dir={tiny_run}', *flags, fails=True)
    assert message in errors


def test_artefacts_have_the_seed_of_the_command():
    images = np.zeros((2, 8, 8, 1), np.uint8)
    changed = parse_corruption('patch:3')(images, 0)[..., 0] != 0
    for image, (top, left) in zip(changed, patch_places(images.shape, 3, np.random.default_rng(0))):
        assert not image[:top].any() and not image[:, :left].any()
