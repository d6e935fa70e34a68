"""The curves of a run: rows of the CSV file, and tags of the TensorBoard events."""

import csv
import os

import numpy as np
import pytest
import tensorflow as tf

from tfwolf.training.curves import COLUMNS, Curves, read_curves
from tfwolf.training.summaries import Summaries


def rows(path):
    """Return the rows of a CSV file as dicts."""
    with open(path, encoding='utf-8', newline='') as file:
        return list(csv.DictReader(file))


def keys(path):
    """Return (step, split) of each row."""
    return [(int(row['step']), row['split']) for row in rows(path)]


def tags(folder):
    """Return the tags of all events in a folder."""
    return {
        value.tag
        for file in folder.iterdir()
        for event in tf.compat.v1.train.summary_iterator(str(file))
        for value in event.summary.value
    }


@pytest.fixture
def path(tmp_path):
    """Return the path of a file with rows of steps 2 and 4, and a validation row."""
    curves = Curves(str(tmp_path / 'curves.csv'), 0)
    curves.append(2, 'train', {'bits_per_dim': np.float32(3.1), 'learning_rate': 1e-3})
    curves.append(4, 'train', {'bits_per_dim': 3.0, 'learning_rate': 1e-3, 'speed': 10.5})
    curves.append(4, 'validation', {'bits_per_dim': 2.5, 'kl_nats': float('nan')})
    return tmp_path / 'curves.csv'


def test_rows_have_all_columns_and_exact_values(path):
    found = rows(path)
    assert list(found[0]) == [*COLUMNS, 'learning_rate', 'speed']
    assert keys(path) == [(2, 'train'), (4, 'train'), (4, 'validation')]
    assert np.float32(found[0]['bits_per_dim']) == np.float32(3.1)
    assert [row['speed'] for row in found] == ['', '10.5', '']
    assert found[2]['kl_nats'] == 'nan' and found[2]['learning_rate'] == ''


def test_rows_after_the_restored_step_and_incomplete_rows_are_removed(path):
    whole = path.read_text()
    Curves(str(path), 4)
    assert path.read_text() == whole
    for torn in ('5,train,2.', '5', '5,train\n', '5,train,2.9,,,,,0.1,\n6,tr'):
        path.write_text(whole + torn)
        Curves(str(path), 4).append(6, 'train', {'bits_per_dim': 2.0})
        assert keys(path) == [(2, 'train'), (4, 'train'), (4, 'validation'), (6, 'train')], torn
    Curves(str(path), 2).append(3, 'train', {'bits_per_dim': 2.0})
    assert keys(path) == [(2, 'train'), (3, 'train')]
    Curves(str(path), 0)
    assert keys(path) == []


def test_other_text_in_the_file_is_replaced(path):
    for text in ('', '\n', 'time,value\n1,2\n', '\0\0\0'):
        path.write_text(text)
        Curves(str(path), 7).append(8, 'train', {'kl_nats': 1.0})
        assert keys(path) == [(8, 'train')] and rows(path)[0]['kl_nats'] == '1.0'


def test_curves_are_read_by_split_as_they_were_written(path):
    found = read_curves(str(path))
    assert list(found) == ['train', 'validation']
    train, validation = found['train'], found['validation']
    assert train['step'].tolist() == [2, 4] and validation['step'].tolist() == [4]
    assert np.float32(train['bits_per_dim'][0]) == np.float32(3.1)
    np.testing.assert_array_equal(train['speed'], [np.nan, 10.5])
    assert validation['bits_per_dim'].tolist() == [2.5] and np.isnan(validation['kl_nats'][0])
    assert set(train) == set(validation) == {'step', *COLUMNS[2:], 'learning_rate', 'speed'}
    whole = path.read_text()
    path.write_text(whole + '6,train,1.')
    assert read_curves(str(path))['train']['step'].tolist() == [2, 4], 'the last line is incomplete'


@pytest.mark.parametrize(
    'line, message',
    [
        ('5,train,2', 'line 5: has 3 values for 9 columns'),
        ('x,train,2,,,,,,', "line 5: has the step 'x' and the split 'train'"),
        ('5,test,2,,,,,,', "line 5: has the step '5' and the split 'test'"),
        ('5,train,2a,,,,,,', 'line 5: has a value that is no number .*2a'),
        ('4,train,2,,,,,,', 'line 5: has step 4 after step 4'),
    ],
)
def test_a_damaged_file_of_curves_is_an_error_that_names_the_line(path, line, message):
    path.write_text(f'{path.read_text()}{line}\n')
    with pytest.raises(ValueError, match=message):
        read_curves(str(path))
    path.write_text('time,value\n1,2\n')
    with pytest.raises(ValueError, match='line 1: its columns must begin with step,split'):
        read_curves(str(path))
    with pytest.raises(ValueError, match='does not exist'):
        read_curves(f'{path}x')


def test_a_file_that_cannot_be_written_is_an_error(tmp_path):
    curves = Curves(str(tmp_path / 'missing' / 'curves.csv'), 0)
    with pytest.raises(RuntimeError, match='curves.csv could not be written'):
        curves.append(1, 'train', {'kl_nats': 1.0})


def test_metrics_of_both_splits_have_the_same_tag(tmp_path):
    summaries = Summaries(str(tmp_path))
    metrics = {'bits_per_dim': 3.0, 'kl_nats': np.float32(1), 'learning_rate': 1e-3}
    summaries.metrics('train', {**metrics, 'kl_per_dim_nats': np.ones(4)}, 1)
    summaries.metrics('validation', {'bits_per_dim': 2.0, 'bits_per_dim_iwae': 1.9}, 1)
    summaries.text('config', 'a = 1', 0)
    summaries.picture('samples', np.zeros([4, 4, 3], np.uint8), 0, 1)
    summaries.flush()
    folder = tmp_path / 'tensorboard'
    assert sorted(os.listdir(folder)) == ['train', 'validation']
    own = {
        'train/learning_rate',
        'train/kl_per_dim_nats',
        'config',
        'samples',
        'samples/not_finite',
    }
    assert tags(folder / 'train') == {'bits_per_dim', 'kl_nats', *own}
    assert tags(folder / 'validation') == {'bits_per_dim', 'validation/bits_per_dim_iwae'}
    assert 'kl_per_dim_nats' not in rows(tmp_path / 'curves.csv')[0]


def test_only_the_chief_writes(tmp_path):
    summaries = Summaries(str(tmp_path), writes=False)
    summaries.metrics('train', {'bits_per_dim': 3.0}, 1)
    summaries.flush()
    assert not list(tmp_path.iterdir())
