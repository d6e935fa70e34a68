"""Gin files as users write them: where their includes are found, encodings, errors with a line."""

import os

import gin
import pytest

from tfwolf.cli.gin_check import check_names
from tfwolf.runs.configuration import read_configuration


def written(folder, name, text, encoding='utf-8'):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return str(path)


def refusal(*files, params=()):
    with pytest.raises(ValueError) as caught:
        read_configuration(files, params)
    return str(caught.value)


@pytest.mark.parametrize(
    'include', ['digits.gin', 'gin/digits.gin', 'includes/wolf.gin', 'gin/includes/wolf.gin']
)
def test_a_file_anywhere_includes_shipped_ones(tmp_path, monkeypatch, include):
    monkeypatch.chdir(tmp_path)
    file = written(tmp_path / 'elsewhere', 'own.gin', f"include '{include}'\nWolf.num_bits = 7\n")
    text = read_configuration([file, 'digits'], ['Wolf.num_bits = 6']).text
    assert 'Wolf.num_bits = 6' in text and 'GaussianLatent' in text


def test_an_include_is_found_next_to_the_file_that_includes_it(tmp_path, monkeypatch):
    """Neither a folder of the same name in the working directory nor an outer file hides it."""
    monkeypatch.chdir(tmp_path)
    written(tmp_path, 'includes/wolf.gin', 'this is no gin file')
    written(tmp_path, 'here.gin', 'this neither')
    written(tmp_path, 'deep/er/here.gin', 'Wolf.num_bits = 4\n')
    written(tmp_path, 'deep/middle.gin', "include 'er/outer.gin'\n")
    written(tmp_path, 'deep/er/outer.gin', "include 'here.gin'\n")
    file = written(tmp_path, 'own.gin', "include 'digits.gin'\ninclude 'deep/middle.gin'\n")
    prefixes, readers = list(gin.config._LOCATION_PREFIXES), list(gin.config._FILE_READERS)
    assert 'Wolf.num_bits = 4' in read_configuration([file]).text
    assert gin.config._LOCATION_PREFIXES == prefixes and gin.config._FILE_READERS == readers


def test_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    written(tmp_path, 'own.gin', "include 'digits.gin'\n")
    assert read_configuration(['~/own.gin']).text


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig'])
@pytest.mark.parametrize('ending', ['\n', '\r\n', '\r'])
def test_marks_and_line_endings_are_accepted(tmp_path, encoding, ending):
    lines = ["include 'inner.gin'", '# ein Größenmaß', 'Wolf.num_bits = 5', '']
    file = written(tmp_path, 'own.gin', ending.join(lines), encoding)
    written(tmp_path, 'inner.gin', f"include 'digits.gin'{ending}", encoding)
    check_names([file], [])
    assert 'Wolf.num_bits = 5' in read_configuration([file]).text


@pytest.mark.parametrize('encoding', ['utf-16', 'utf-16-le', 'utf-32', 'latin-1', 'cp1252'])
@pytest.mark.parametrize('included', [False, True])
def test_other_encodings_are_named(tmp_path, encoding, included):
    text = "include 'digits.gin'\n\n# ein Größenmaß\n"
    bad = written(tmp_path, 'bad.gin', text, encoding)
    file = written(tmp_path, 'own.gin', "\ninclude 'bad.gin'\n") if included else bad
    line = 1 if encoding.startswith('utf') else 3
    message = refusal(file)
    assert f'{bad}, line {line}' in message and 'UTF-8' in message
    if included:
        assert f'"{file}", line 2' in message
    else:
        with pytest.raises(ValueError, match='UTF-8'):
            check_names([file], [])


WRONG = {
    'dataset.source = digits': "in quotes, such as 'digits'",
    'dataset.source = tfds:cifar10': "in quotes, such as 'tfds:cifar10'",
    'train.gradient_memory = store # why': 'in quotes',
    'dataset.source = /data/images': '',
    'Wolf.num_bits = ': '',
    'Wolf.num_bits = (3': '',
    "dataset.source = 'digits": '',
    "dataset.source = '''digits": '',
    'Wolf.num_bits = 3 4': '',
    'Wolf num_bits = 3': '',
    '  Wolf.num_bits = 3\n Wolf.num_bits = 4': '',
    'include digits.gin': '',
    "include 'digit.gin'": "Did you mean 'digits'?",
    "include 'includes/wolff.gin'": 'searched in',
    "include 'own.gin'": 'includes itself',
    'import there_is_no_such_module': 'there_is_no_such_module',
    'Wof.num_bits = 3': "Did you mean 'Wolf'?",
    'Wolf.num_bit = 3': 'num_bit',
    'Wolf.flow = @RefinedGlo': "Did you mean 'RefinedGlow'?",
}


@pytest.mark.parametrize('included', [False, True])
@pytest.mark.parametrize('text', WRONG)
def test_errors_name_the_file_and_the_line(tmp_path, text, included):
    bad = written(tmp_path, 'own.gin', f'# comment\n\n{text}\n')
    file = written(tmp_path, 'outer.gin', "include 'own.gin'\n") if included else bad
    message = refusal(file)
    assert bad in message and ('line 3' in message or 'line 4' in message), message
    assert WRONG[text] in message
    assert 'Traceback' not in message and '<tokenize>' not in message
    if included:
        assert f'"{file}", line 1' in message


@pytest.mark.parametrize('text', [text for text in WRONG if 'own.gin' not in text])
def test_errors_of_bindings_name_them(text):
    message = refusal('digits', params=['Wolf.num_bits = 8', text])
    assert text.split()[0] in message and 'line ' in message, message


def test_a_folder_is_no_gin_file(tmp_path):
    os.mkdir(tmp_path / 'folder.gin')
    with pytest.raises(ValueError, match='no gin file'):
        read_configuration([str(tmp_path / 'folder.gin')])
