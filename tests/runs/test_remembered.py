"""A run remembers the folder of its data, so later commands need no --data_dir."""

import json

import pytest

import tfwolf
from support.tool_runs import TINY, run_tool
from tfwolf.runs.remembered import remember_data_dir, remembered_data_dir


def test_the_folder_is_remembered_while_it_exists(tmp_path):
    data, run = tmp_path / 'data', tmp_path / 'run'
    data.mkdir()
    run.mkdir()
    assert remembered_data_dir(run) is None
    remember_data_dir(run, data)
    assert remembered_data_dir(run) == str(data)
    remember_data_dir(run, None)
    assert remembered_data_dir(run) == str(data)
    data.rmdir()
    assert remembered_data_dir(run) is None


@pytest.mark.parametrize('text', ['', '[]', '{"data_dir": 3}', '{"data_dir": "/no/such/folder"}'])
def test_a_damaged_note_is_no_folder(tmp_path, text):
    (tmp_path / 'machine.json').write_text(text)
    assert remembered_data_dir(tmp_path) is None


def test_training_writes_it_and_loading_uses_it(tmp_path):
    data, train_dir = tmp_path / 'data', tmp_path / 'run'
    data.mkdir()
    bindings = [f'--gin_param={binding}' for binding in TINY]
    run_tool(
        'train',
        'digits',
        *bindings,
        f'--train_dir={train_dir}',
        f'--data_dir={data}',
        '--max_steps=1',
    )
    assert json.loads((train_dir / 'machine.json').read_text()) == {'data_dir': str(data)}
    assert tfwolf.load(train_dir).environment.data_dir == str(data)
    other = tfwolf.Environment(strategy='one_device', data_dir='elsewhere')
    assert tfwolf.load(train_dir, environment=other).environment.data_dir == 'elsewhere'
