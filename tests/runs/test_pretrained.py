"""Pretrained models: packed in half precision, unpacked into a cache once, then runs as others."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

import tfwolf
from support.small_models import random_images, small_wolf
from tfwolf.core.variables import named_variables
from tfwolf.runs.packed_run import is_intact, load_weights, round_weights, save_weights
from tfwolf.runs.packing import CONTENT, write_pretrained
from tfwolf.runs.pretrained import pretrained_run
from tfwolf.runs.pretrained_names import SHIPPED, find_pretrained, pretrained_names

ROOT = pathlib.Path(__file__).resolve().parents[2]
ALL = pretrained_names()


@pytest.fixture(scope='module')
def cache(tmp_path_factory):
    """Returns the folder in which runs are cached, empty at first."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp('cache')
        patch.setenv('XDG_CACHE_HOME', str(folder))
        yield folder / 'tfwolf' / 'pretrained'


@pytest.fixture(scope='module')
def run(cache):
    return tfwolf.load('pretrained:digits')


def evaluation(name):
    return json.loads((SHIPPED / name / 'evaluation.json').read_text())


def python(code, cache, **others):
    """Starts Python with another cache."""
    env = {**os.environ, 'XDG_CACHE_HOME': str(cache), 'PYTHONPATH': str(ROOT), **others}
    return subprocess.Popen(
        [sys.executable, '-c', code], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_digits_and_cifar10_small_are_shipped_and_small():
    assert ALL == ['cifar10_small', 'digits']
    files = [path for path in SHIPPED.rglob('*') if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 8e6
    for name in ALL:
        assert {path.name for path in (SHIPPED / name).iterdir()} == CONTENT
        card = (SHIPPED / name / 'README.md').read_text()
        found = evaluation(name)
        assert f'{found["bits_per_dim"]:.4f}' in card and found['training_command'] in card
        with np.load(SHIPPED / name / 'weights.npz') as weights:
            types = {weights[key].dtype.name for key in weights.files}
        assert 'float16' in types and not {'float32', 'float64'} & types


def test_digits_are_encoded_and_decoded_exactly(run):
    assert run.step == evaluation('digits')['step'] and run.weights == 'raw'
    images = run.dataset.test.load(np.arange(64))['image'].numpy()
    z, v = run.model.encode(images)
    decoded = run.model.decode(z, v).numpy()
    np.testing.assert_array_equal(decoded >> 4, images >> 4)


def test_the_shipped_numbers_are_those_of_the_shipped_weights(run):
    wanted = evaluation('digits')
    found = run.evaluate(num_samples=wanted['num_samples'], evaluators=())
    for name in ('bits_per_dim', 'bits_per_dim_iwae', 'kl_nats'):
        assert found[name] == pytest.approx(wanted[name], abs=1e-3), name
    for name in ('num_images', 'data_fingerprint', 'dataset', 'split'):
        assert found[name] == wanted[name], name
    # So that reports and model cards of exports find the numbers.
    kept = json.loads((pathlib.Path(run.train_dir) / 'evaluation.json').read_text())
    assert kept['checkpoint_sha256'] == found['checkpoint_sha256']
    assert kept['weights'] == found['weights']


def test_cifar10_small_draws_samples_without_its_data_set(cache, tmp_path):
    nowhere = tfwolf.Environment(strategy='one_device', data_dir=str(tmp_path), download=False)
    run = tfwolf.load('pretrained:cifar10_small', checkpoint='best', environment=nowhere)
    images = run.model.sample(2, seed=0, temperature_v=0.7, temperature_z=0.7)
    assert images.shape == (2, 32, 32, 3) and images.numpy().std() > 10
    z, v = run.model.encode(images)
    np.testing.assert_array_equal(run.model.decode(z, v), images)


def test_the_run_is_made_once(run, cache):
    folder = pathlib.Path(pretrained_run('digits'))
    assert folder == pathlib.Path(run.train_dir) and folder.parent == cache
    weights = evaluation('digits')['weights_sha256']
    assert folder.name == f'digits-{weights[:12]}'
    before = {path: path.stat().st_mtime_ns for path in folder.rglob('*')}
    pretrained_run('digits')
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob('*')}
    assert is_intact(find_pretrained('digits'), folder)


def test_two_processes_make_it_at_once(tmp_path):
    code = 'from tfwolf.runs.pretrained import pretrained_run; print(pretrained_run("digits"))'
    both = [python(code, tmp_path) for _ in range(2)]
    printed = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], printed
    first, second = (out.decode().split() for out, _ in printed)
    assert first == second
    folder = pathlib.Path(first[-1])
    assert is_intact(find_pretrained('digits'), folder)
    assert {path.name for path in folder.parent.iterdir()} == {folder.name, f'{folder.name}.lock'}


@pytest.mark.parametrize('damage', ['weights', 'configuration', 'no checkpoint'])
def test_a_damaged_run_is_made_again(run, cache, damage, monkeypatch, tmp_path):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    folder = tmp_path / 'tfwolf' / 'pretrained' / pathlib.Path(run.train_dir).name
    shutil.copytree(run.train_dir, folder, symlinks=True)
    if damage == 'weights':
        path = next(folder.glob('checkpoints/*.data-*'))
        path.write_bytes(path.read_bytes()[:-9] + bytes(9))
    elif damage == 'configuration':
        (folder / 'config.gin').write_text('')
    else:
        shutil.rmtree(folder / 'checkpoints')
    assert not is_intact(find_pretrained('digits'), folder)
    assert pretrained_run('digits') == str(folder)
    assert is_intact(find_pretrained('digits'), folder)


def test_a_cache_that_cannot_be_written_is_named(monkeypatch, tmp_path):
    (tmp_path / 'file').write_text('')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'file'))
    with pytest.raises(ValueError, match='cannot be unpacked to .* XDG_CACHE_HOME'):
        pretrained_run('digits')


def test_an_unknown_name_is_answered_with_the_list():
    with pytest.raises(
        ValueError,
        match="no pretrained model 'digts'. Did you mean 'digits'. Available: cifar10_small, dig",
    ):
        tfwolf.load('pretrained:digts')


def test_a_pretrained_model_cannot_be_trained_further():
    with pytest.raises(ValueError, match='pretrained:digits is a pretrained model. It cannot be'):
        tfwolf.fit('digits', 'pretrained:digits')


def test_weights_are_kept_in_half_precision_and_the_flow_stays_exact(tmp_path):
    images = random_images(16)
    model, other = small_wolf(images=images), small_wolf(images=random_images(16, seed=1))
    round_weights(model)
    save_weights(model, tmp_path / 'weights.npz')
    load_weights(other, tmp_path / 'weights.npz')
    for (path, a), (_, b) in zip(named_variables(model), named_variables(other), strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b), err_msg='/'.join(path))
    z, v = other.encode(images)
    np.testing.assert_array_equal(other.decode(z, v), images)

    variable = next(variable for _, variable in named_variables(model) if variable.shape.rank == 4)
    variable.assign(1e6 * np.ones(variable.shape))
    with pytest.raises(ValueError, match='cannot be stored in half precision.*at most 65,504'):
        round_weights(model)
    with np.load(tmp_path / 'weights.npz') as archive:
        arrays = dict(archive)
    arrays.popitem()
    np.savez(tmp_path / 'less.npz', **arrays)
    with pytest.raises(ValueError, match='holds the weights of another model; variables of one'):
        load_weights(model, tmp_path / 'less.npz')


def test_nothing_is_overwritten_that_is_no_packed_model(tmp_path):
    (tmp_path / 'notes.txt').write_text('')
    with pytest.raises(ValueError, match='other files than those of a pretrained model: notes.txt'):
        write_pretrained('runs/any', tmp_path)
    with pytest.raises(ValueError, match='is a file. Name a folder'):
        write_pretrained('runs/any', tmp_path / 'notes.txt')
