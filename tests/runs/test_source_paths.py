"""A run finds its data from any working directory, and folders are named as users name them."""

import numpy as np
import pytest
from PIL import Image

import tfwolf
from support.tool_runs import TINY, run_tool
from tfwolf.runs.config_text import bindings, read_config
from tfwolf.runs.configuration import read_configuration
from tfwolf.runs.source_paths import absolute_source, with_absolute_sources

FEW = [*TINY, 'train.init_batch_size = 4', 'train.batch_size = 4', 'dataset.test_size = 8']


def write_images(folder):
    folder.mkdir(parents=True)
    images = np.random.default_rng(0).integers(0, 255, (40, 8, 8), dtype=np.uint8)
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f'{number}.png')
    np.savez(folder.parent / 'images.npz', images=images)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working directory, which is the home of the user, too; it has images."""
    home = tmp_path / 'home'
    write_images(home / 'images')
    monkeypatch.chdir(home)
    monkeypatch.setenv('HOME', str(home))
    return home


@pytest.mark.parametrize('given', ['folder:images', 'folder:./images/', 'folder:~/images'])
def test_paths_are_absolute(here, given):
    assert absolute_source(given) == f'folder:{here}/images'
    assert absolute_source('npz:../home/images.npz') == f'npz:{here}/images.npz'


@pytest.mark.parametrize(
    'value', ['digits', 'tfds:mnist', 'folder:', 'folder', 'nosuch:x', 3, None]
)
def test_other_values_are_unchanged(value):
    assert absolute_source(value) == value


def test_bindings_of_earlier_runs_compare_equal(here):
    before = {'dataset.source': "'folder:images'", 'Wolf.num_bits': '8', 'train.x': '@f', 'a': "'"}
    now = with_absolute_sources(before)
    assert now == {**before, 'dataset.source': repr(f'folder:{here}/images')}
    assert with_absolute_sources(now) == now


@pytest.mark.parametrize(
    'params',
    [
        ["dataset.source = 'npz:images.npz'"],
        ["PLACE = 'npz:images.npz'", 'dataset.source = %PLACE'],
    ],
)
def test_the_text_of_a_run_has_absolute_paths(here, params):
    text = read_configuration(['digits'], params).text
    assert f"'npz:{here}/images.npz'" in text and "'npz:images" not in text


@pytest.mark.slow
def test_a_run_is_continued_and_evaluated_elsewhere(here, tmp_path, monkeypatch):
    fit = dict(params=[*FEW, "dataset.source = 'folder:images'"], max_steps=1)
    quiet = tfwolf.Environment(verbose=False)
    tfwolf.fit('digits', '~/run', environment=quiet, **fit)
    config = here / 'run/config.gin'
    assert bindings(read_config(here / 'run'))['dataset.source'] == repr(f'folder:{here}/images')
    # As an earlier version stored it.
    config.write_text(config.read_text().replace(f'{here}/images', 'images'))
    tfwolf.fit('digits', here / 'run', environment=quiet, **{**fit, 'max_steps': 2})
    assert f'{here}/images' in config.read_text()
    monkeypatch.chdir(tmp_path)
    run_tool('evaluate', '--train_dir=~/run', '--num_samples=1', '--nodiagnostics')


def test_brackets_are_refused_before_training(here):
    for path in ('a[1]', '~/x[ab]/run', 'a\\b'):
        with pytest.raises(ValueError, match='train_dir.*must not contain.*Rename'):
            tfwolf.fit('digits', path, params=FEW, max_steps=1)
        with pytest.raises(ValueError, match='must not contain'):
            tfwolf.load(path)
    assert sorted(path.name for path in here.iterdir()) == ['images', 'images.npz']
    with pytest.raises(ValueError, match='`data_dir` must not contain'):
        tfwolf.load_dataset('tfds:cifar10', data_dir='a[1]')
    for command in ('evaluate', 'export'):
        _, errors = run_tool(
            command,
            '--train_dir=a[1]',
            *([f'--export_dir={here / "out"}'] if command == 'export' else []),
            fails=True,
        )
        assert 'must not contain' in errors


def test_the_folder_of_data_is_expanded(here):
    assert tfwolf.Environment(data_dir='~/data').data_dir == f'{here}/data'
