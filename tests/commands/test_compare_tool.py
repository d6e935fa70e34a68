"""`tfwolf compare`: runs under one heading have bits/dim that may be compared."""

import csv
import json
import shutil
import subprocess
import sys

import pytest
import tensorflow as tf

import tfwolf
from support.tool_runs import ROOT, result, run_tool
from tfwolf.cli.flags import Flags
from tfwolf.core.variables import count_parameters
from tfwolf.runs.comparison import compared, kind_of
from tfwolf.training.checkpoint_index import shapes_of
from tfwolf.training.curves import read_curves

CIFAR10 = {'dataset.source': "'tfds:cifar10'", 'Wolf.num_bits': '8'}


@pytest.fixture
def runs(tiny_run, tmp_path):
    """Returns the folders of four runs: two alike, one of other bits, one of other images."""
    folders = [tmp_path / name for name in ('first', 'second', 'bits', 'images')]
    for folder in folders:
        shutil.copytree(tiny_run, folder)
    config = (folders[2] / 'config.gin').read_text()
    assert 'Wolf.num_bits = 4' in config
    (folders[2] / 'config.gin').write_text(config.replace('num_bits = 4', 'num_bits = 3'))
    record = json.loads((folders[3] / 'data.json').read_text())
    record['splits']['test']['num_images'] += 1
    (folders[3] / 'data.json').write_text(json.dumps(record))
    curves = folders[1] / 'curves.csv'
    columns = curves.read_text().splitlines()[0].split(',')
    for step, bits in ((2, 3.5), (4, 3.25), (6, 3.375)):
        row = {'step': step, 'split': 'validation', 'bits_per_dim': bits, 'kl_nats': step / 2}
        with curves.open('a') as file:
            file.write(','.join(str(row.get(name, '')) for name in columns) + '\n')
    (folders[1] / 'evaluation.json').write_text(
        json.dumps(
            {
                'bits_per_dim': 3.3,
                'bits_per_dim_stderr': 0.01,
                'split': 'test',
                'num_images': 360,
                'num_samples': 5,
                'checkpoint': 'ckpt-6',
                'checkpoint_sha256': 'x',
            }
        )
    )
    return folders


def test_runs_of_different_bits_or_images_are_apart(runs):
    groups = compared([str(folder) for folder in runs])
    headings = {found.name: heading for heading, group in groups.items() for found in group}
    assert headings['first'] == headings['second'] and len(groups) == 3
    assert headings['first'].startswith('digits (')
    assert ', 8x8x1, 4 bits, uniform noise, images ' in headings['first']
    assert ', 8x8x1, 3 bits, uniform noise' in headings['bits']
    assert headings['images'].rpartition(' ')[0] == headings['first'].rpartition(' ')[0]


def test_numbers_are_those_of_the_run(runs):
    ((first, second),) = compared([str(folder) for folder in runs[:2]]).values()
    assert first.values['parameters'] == count_parameters(tfwolf.load(runs[0]).model)
    assert first.values['steps'] == 6 and first.values['last_validation'] is None
    train = read_curves(str(runs[0] / 'curves.csv'))['train']
    assert first.curve[1].tolist() == train['bits_per_dim'].tolist()
    assert second.curve[1].tolist() == [3.5, 3.25, 3.375]
    values = second.values
    assert (values['last_validation'], values['best_validation']) == (3.375, 3.25)
    assert (values['best_step'], values['kl_nats'], values['held_out']) == (4, 3, 3.3)


def test_the_command_prints_the_table_and_writes_csv_and_chart(runs, tmp_path):
    printed, _ = run_tool('compare', *runs[:3], f'--output_dir={tmp_path}/out', '--format=svg')
    line = next(line for line in printed.splitlines() if line.startswith('second '))
    assert line.split()[3:6] == ['3.375', '3.250', '(4)'], line
    assert '3.300 ± 0.010' in line and '360 test, K=5, ckpt-6' in line
    with open(tmp_path / 'out' / 'comparison.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert [row['run'] for row in rows] == ['first', 'second', 'bits']
    assert rows[0]['bits_per_dim_of'] == rows[1]['bits_per_dim_of'] != rows[2]['bits_per_dim_of']
    assert float(rows[1]['best_validation']) == 3.25 and rows[0]['best_validation'] == ''
    chart = (tmp_path / 'out' / 'curves.svg').read_text()
    assert all(
        f'>{name}<' in chart
        for name in ('first (training)', 'second (validation)', 'bits (training)')
    )
    groups = result(tmp_path / 'out')['groups']
    assert [sorted(group) for group in groups.values()] == [['first', 'second'], ['bits']]


def test_kinds_name_noise_and_condition():
    def kind(**others):
        named = {name.replace('__', '.'): value for name, value in others.items()}
        return kind_of({**CIFAR10, **named}, {'image_shape': [32, 32, 3]})

    assert kind() == 'tfds:cifar10, 32x32x3, 8 bits, uniform noise'
    assert kind(Wolf__dequantizer='@FlowDequantizer').endswith('8 bits, variational noise')
    assert kind(Wolf__condition='@LowResolution', LowResolution__factor='2').endswith(
        'uniform noise, given LowResolution(factor = 2)'
    )
    assert kind(dataset__validation_size='2000').startswith('tfds:cifar10 (validation_size = 2000)')


def test_bad_input_is_told_in_words(runs, tmp_path):
    for arguments, message in (
        ([], 'Give the folders of the runs to compare; got none.'),
        ([runs[0], runs[0]], 'Give each run once'),
        ([tmp_path], 'contains no run of tfwolf'),
        ([runs[0], '--format=gif'], '--format must be some of'),
    ):
        _, errors = run_tool('compare', *arguments, f'--output_dir={tmp_path}/out', fails=True)
        assert message in errors
    path = runs[0] / 'curves.csv'
    path.write_text(path.read_text() + 'x,y\n')
    assert 'curves.csv is damaged: line ' in run_tool('compare', runs[0], fails=True)[1]


def test_several_arguments_without_a_name_add_to_one_flag():
    options = Flags()
    options.repeated('run', 'Folder.', 'FOLDER')
    options.boolean('overwrite', False, 'Replace.')
    options.arguments = 'run'
    options.parse(['a', '--overwrite', '--run=c', 'b'])
    assert sorted(options.run) == ['a', 'b', 'c'] and options.overwrite and options.given('run')


def test_shapes_are_read_as_tensorflow_reads_them(tiny_run, tmp_path):
    path = str(tiny_run / 'checkpoints' / 'ckpt-6')
    expected = tf.train.load_checkpoint(path).get_variable_to_shape_map()
    found = shapes_of(path)
    assert found == {name: tuple(shape) for name, shape in expected.items()} and len(found) > 50
    for damaged in (b'', b'x' * 100, (tiny_run / 'checkpoints' / 'ckpt-6.index').read_bytes()[40:]):
        (tmp_path / 'ckpt-1.index').write_bytes(damaged)
        with pytest.raises(ValueError, match='ckpt-1.index is not the index of a checkpoint'):
            shapes_of(str(tmp_path / 'ckpt-1'))


def test_runs_are_compared_without_tensorflow(tiny_run, tmp_path):
    code = (
        'import sys; from tfwolf.cli.main import main; '
        f'main(["compare", {str(tiny_run)!r}, "--output_dir={tmp_path}/out"]); '
        'assert not {"tensorflow", "keras"} & {*sys.modules}'
    )
    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert result(tmp_path / 'out')['made_from']['versions'] == {'tfwolf': tfwolf.__version__}
