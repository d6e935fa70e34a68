"""The images of a run: changed ones are noticed, accepted by a flag, and named in results."""

import functools
import json
import shutil

import numpy as np
import pytest
from PIL import Image

import tfwolf
from support.tool_runs import TINY, result, run_tool
from tfwolf.core.files import write_text
from tfwolf.data.data_record import EARLIER_RULES, RULES, record_of
from tfwolf.data.given import as_dataset
from tfwolf.data.sources import load_dataset
from tfwolf.runs.run_data import (
    check_labels,
    read_record,
    without_places,
    write_record,
)

DIGITS = load_dataset('digits').train.load(np.arange(200))['image'].numpy()[..., 0]
QUICK = ('--nodiagnostics', '--num_samples=1', '--num_images=3')


@pytest.fixture
def folder(tmp_path):
    """Returns a folder of 200 files."""
    (tmp_path / 'images').mkdir()
    for number, image in enumerate(DIGITS):
        Image.fromarray(image).save(tmp_path / 'images' / f'{number:03}.png')
    return tmp_path / 'images'


@pytest.fixture
def run(tiny_run, folder, tmp_path):
    """Returns a copy of a tiny run, as if it had been trained on the folder."""
    copy = tmp_path / 'run'
    shutil.copytree(tiny_run, copy)
    text = (copy / 'config.gin').read_text().replace("'digits'", f"'folder:{folder}'")
    assert f"dataset.source = 'folder:{folder}'" in text
    write_text(copy / 'config.gin', text)
    dataset = load_dataset(f'folder:{folder}')
    write_record(str(copy), record_of(dataset, RULES, f'folder:{folder}'))
    return copy


def train(run, folder, *flags, **expected):
    bindings = [*TINY, f"dataset.source = 'folder:{folder}'"]
    parameters = [f'--gin_param={binding}' for binding in bindings]
    return run_tool('train', 'digits', *parameters, f'--train_dir={run}', *flags, **expected)


def add_file(folder):
    Image.fromarray(255 - DIGITS[0]).save(folder / 'added.png')


def test_a_changed_folder_is_refused_by_training_evaluation_and_tools(run, folder):
    add_file(folder)
    (folder / '003.png').unlink()
    before = {path: path.read_bytes() for path in run.rglob('*') if path.is_file()}
    for _, errors in (
        train(run, folder, '--max_steps=7', fails=True),
        run_tool('evaluate', f'--train_dir={run}', fails=True),
        run_tool('reconstruct', f'--train_dir={run}', fails=True),
        run_tool('probe', f'--train_dir={run}', fails=True),
        run_tool('fid', f'--train_dir={run}', '--features=pixels', fails=True),
    ):
        assert '1 added (added.png)' in errors and '1 removed (003.png)' in errors
        assert '--accept_changed_data' in errors
    after = {path: path.read_bytes() for path in run.rglob('*') if path.is_file()}
    assert {path: content for path, content in after.items() if path in before} == before


def test_accepted_changes_are_recorded_in_every_result(run, folder):
    add_file(folder)
    tool = ('reconstruct', f'--train_dir={run}', '--num_images=2', '--num_draws=0')
    _, errors = run_tool('evaluate', f'--train_dir={run}', *QUICK, '--accept_changed_data')
    assert 'have changed, which is accepted: ' in errors and '1 added (added.png)' in errors
    changes = json.loads((run / 'evaluation.json').read_text())['accepted_data_changes']
    assert len(changes) == 1 and changes[0].endswith(': 1 added (added.png)')
    run_tool(*tool, '--accept_changed_data', f'--output_dir={run}/out')
    assert result(run / 'out')['made_from']['accepted_data_changes'] == changes
    # Of the training, they are kept for good.
    train(run, folder, '--max_steps=7', '--accept_changed_data')
    assert list(read_record(run).accepted_changes) == changes
    _, errors = run_tool(*tool, f'--output_dir={run}/later')
    assert 'have changed' not in errors
    assert result(run / 'later')['made_from']['accepted_data_changes'] == changes
    run_tool('sample', f'--train_dir={run}', '--num_samples=1', f'--output_dir={run}/sample')
    assert result(run / 'sample')['made_from']['accepted_data_changes'] == changes


def test_a_moved_folder_is_no_change(run, folder, tmp_path):
    shutil.copytree(folder, tmp_path / 'elsewhere')
    shutil.rmtree(folder)
    moved = f"--gin_param=dataset.source = 'folder:{tmp_path}/elsewhere'"
    loaded = tfwolf.load(run, params=[moved.partition('=')[2]])
    assert loaded.dataset.accepted_changes == ()
    assert 'accepted_data_changes' not in loaded.identity
    _, errors = train(run, tmp_path / 'elsewhere', '--max_steps=6')
    assert 'changed' not in errors and 'elsewhere' in (run / 'config.gin').read_text()
    assert read_record(run).source == f'folder:{tmp_path}/elsewhere'
    (tmp_path / 'elsewhere' / '100.png').unlink()
    _, errors = run_tool('evaluate', f'--train_dir={run}', moved, fails=True)
    assert '1 removed (100.png)' in errors


def test_an_archive_with_other_images_is_refused(tiny_run, tmp_path):
    path, copy = tmp_path / 'a.npz', tmp_path / 'run'
    shutil.copytree(tiny_run, copy)
    text = (copy / 'config.gin').read_text().replace("'digits'", f"'npz:{path}'")
    write_text(copy / 'config.gin', text)
    np.savez(path, images=DIGITS)
    write_record(str(copy), record_of(load_dataset(f'npz:{path}'), RULES, f'npz:{path}'))
    assert tfwolf.load(copy).dataset.train.num_examples > 100
    np.savez(path, images=0 * DIGITS)
    with pytest.raises(ValueError, match=r'test: \d+ added, \d+ removed'):
        _ = tfwolf.load(copy).dataset


def test_a_run_of_an_earlier_version_keeps_its_rules(run, folder):
    for name in ('data.json', 'data_images.json.gz'):
        (run / name).unlink()
    loaded = tfwolf.load(run)
    earlier = record_of(loaded.dataset, EARLIER_RULES)
    assert earlier.splits['test'].num_images == 20 and earlier.splits['validation'].num_images == 18
    new = record_of(load_dataset(f'folder:{folder}'), RULES)
    assert earlier.splits['test'].names != new.splits['test'].names
    _, errors = run_tool('evaluate', f'--train_dir={run}', *QUICK)
    assert errors.count('has no fingerprint of its images') == 1
    assert 'accepted_data_changes' not in json.loads((run / 'evaluation.json').read_text())
    assert not (run / 'data.json').exists()
    _, errors = train(run, folder, '--max_steps=6')
    assert errors.count('has no fingerprint of its images') == 1
    stored = read_record(run)
    assert stored.rules == EARLIER_RULES and stored.splits == earlier.splits
    _, errors = train(run, folder, '--max_steps=6')
    assert 'fingerprint' not in errors
    add_file(folder)
    with pytest.raises(ValueError, match='moved from test to train'):
        _ = tfwolf.load(run).dataset


def test_images_of_another_source_are_named_in_results(run, capsys):
    loaded = tfwolf.load(run, params=["dataset.source = 'digits'"])
    assert loaded.dataset.test.num_examples == 360
    assert loaded.identity['accepted_data_changes'] == [
        'images of digits instead of those of the run'
    ]
    assert 'Using images of digits instead of those of the run (folder:' in capsys.readouterr().err


def test_a_damaged_record_is_an_error(run):
    (run / 'data_images.json.gz').write_bytes(b'damaged')
    with pytest.raises(
        ValueError, match=r'data_images\.json\.gz, the fingerprint .* from a backup'
    ):
        tfwolf.load(run)


def test_the_place_of_files_may_change_and_other_sources_may_not(run):
    record = read_record(run)

    def shown(source):
        return without_places({'dataset.source': repr(source), 'Wolf.num_bits': '8'}, record)

    assert shown('folder:/a') == shown('folder:/b') != shown('npz:/a')
    assert shown('tfds:cifar10') != shown('tfds:mnist')
    before = {'dataset.source': "'folder:/a'"}
    assert without_places(before, None) == before


def test_missing_labels_are_refused_by_a_model_that_needs_them(tmp_path):
    np.savez(
        tmp_path / 'a.npz',
        train_images=DIGITS,
        train_labels=np.arange(200) % 10,
        test_images=DIGITS[:20],
    )
    dataset = load_dataset(f'npz:{tmp_path}/a.npz')
    flow = functools.partial(
        tfwolf.RefinedGlow,
        num_steps=[0, [1], 1],
        hidden_channels=[4, 4, 4],
        transform=tfwolf.BoundedAffine(1.0),
    )
    make_model = functools.partial(
        tfwolf.Wolf,
        num_bits=8,
        flow=flow,
        latent=functools.partial(tfwolf.LabelCondition, num_classes=10),
    )
    model, message = make_model((8, 8, 1)), 'The test images of a have no class labels'
    check_labels(model, dataset, 'train', 'validation')
    with pytest.raises(ValueError, match=message):
        check_labels(model, dataset, 'test')
    with pytest.raises(ValueError, match=message):
        tfwolf.fit(
            train_dir=tmp_path / 'run',
            model=make_model,
            images=tmp_path / 'a.npz',
            max_steps=1,
            batch_size=8,
            environment=tfwolf.Environment(strategy='one_device', verbose=False),
        )
    assert not (tmp_path / 'run').exists()
    other = as_dataset((DIGITS, np.arange(200) % 12))
    with pytest.raises(ValueError, match='labels up to 1., and this model has the classes 0 to 9'):
        check_labels(model, other, 'test')
    unconditional = make_model((8, 8, 1), latent=tfwolf.NoLatent)
    check_labels(unconditional, dataset, 'test')
