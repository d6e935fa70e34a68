"""A source of images is one function, whose arguments are the options of the source."""

import copy
import dataclasses
import importlib
import pickle
import subprocess
import sys

import numpy as np
import pytest

from tfwolf.data import registry
from tfwolf.data.array_split import ArraySplit
from tfwolf.data.dataset import ImageDataset
from tfwolf.data.fit import Fit
from tfwolf.data.registry import known_sources, register_source
from tfwolf.data.sources import DataSource, check_options, load_dataset

STRIPES = """
import numpy as np

from tfwolf.data.array_split import ArraySplit
from tfwolf.data.dataset import ImageDataset
from tfwolf.data.holdout import hold_out, split_validation
from tfwolf.data.registry import register_source


@register_source('stripes', location='WIDTH')
def load_stripes(location='8', validation_size=0.1, num_examples=20):
    shape = (4, int(location), 1)
    images = np.zeros((num_examples, *shape), np.uint8)
    images[:, ::2] = np.arange(num_examples, dtype=np.uint8)[:, None, None, None]
    training, test = hold_out(ArraySplit(lambda: (images, None), num_examples, shape))
    return ImageDataset('stripes', shape, None, *split_validation(training, validation_size), test)
"""


@pytest.fixture(autouse=True)
def restored_sources(monkeypatch):
    """Remove the sources that a test registers after the test."""
    known_sources()
    monkeypatch.setattr(registry, '_sources', dict(registry._sources))


def one_image(*_, **__):
    split = ArraySplit(lambda: (np.zeros((1, 2, 2, 1), np.uint8), None), 1, (2, 2, 1))
    return ImageDataset('one', (2, 2, 1), None, split, split, split)


def test_a_custom_source_is_one_file(tmp_path, monkeypatch):
    (tmp_path / 'own_stripes.py').write_text(STRIPES)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module('own_stripes')
    assert load_dataset('stripes').image_shape == (4, 8, 1)
    found = load_dataset(
        'stripes:16', data_dir='nowhere', download=False, validation_size=3, num_examples=30
    )
    assert found.image_shape == (4, 16, 1)
    assert [split.num_examples for split in (found.train, found.validation, found.test)] == [
        24,
        3,
        3,
    ]
    assert callable(module.load_stripes)
    with pytest.raises(
        ValueError,
        match=r"'stripes\[:WIDTH\]', 'synthetic', 'tfds:NAME', 'toy:NAME'; got source='stripes:'",
    ):
        load_dataset('stripes:')
    # As a notebook cell that is executed again.
    importlib.reload(module)
    del sys.modules['own_stripes']


def test_location_arguments_are_passed_to_functions_that_have_them():
    calls = []

    @register_source('places', location='NAME')
    def load(location, data_dir=None, download=True, size=1):
        calls.append((location, data_dir, download, size))
        return one_image()

    @register_source('plain')
    def load_plain(download=True):
        calls.append(download)
        return one_image()

    load_dataset('places:a:b', data_dir='data', download=False, size=3)
    load_dataset('places:c')
    load_dataset('plain', data_dir='data', download=False, size=None)
    assert calls == [('a:b', 'data', False, 3), ('c', None, True, 1), False]


def test_the_fields_of_a_dataclass_are_options():
    calls = []

    @register_source('fitted')
    def load(fit=Fit(), channels=3):
        calls.append((fit, channels))
        return one_image()

    assert known_sources()['fitted'].options == (
        'image_size',
        'resize',
        'crop_size',
        'shorter_side',
        'channels',
    )
    load_dataset('fitted', image_size=[4, 4], crop_size=None)
    assert calls == [(Fit((4, 4), 'center_crop'), 3)]
    with pytest.raises(ValueError, match='`crop_size` must be'):
        check_options('fitted', {'image_size': (4, 4), 'crop_size': (4, 4, 3)})
    with pytest.raises(ValueError, match='does not accept `fit`'):
        check_options('fitted', {'fit': Fit()})


@pytest.mark.parametrize(
    'source, options, message',
    [
        (
            'digits',
            {'num_examples': 3},
            r"'digits' does not accept `num_examples`; got num_examples=3\. Its options are "
            r"\['validation_size'\]\.$",
        ),
        (
            'folder:x',
            {'image_sise': (4, 4)},
            r"'folder:PATH' does not accept `image_sise`.*'value_range'.*\]\. Did you mean "
            r"'image_size'\?",
        ),
        ('synthetic', {'resize': 'none'}, 'does not accept `resize`'),
        ('npz:x', {'data_dir': 'x'}, 'does not accept `data_dir`'),
        ('tfds:x', {'location': 'x'}, 'does not accept `location`'),
        ('tfds:x', {'download': True}, 'does not accept `download`'),
        (
            'tfds:x',
            {'image_size': 64},
            r'`image_size` must be \(height, width\); got image_size=64',
        ),
        ('folder:x', {'shorter_side': 4}, '`shorter_side` is required for'),
        (
            'diggits',
            {},
            r"'digits', 'folder:PATH', 'npz:PATH', 'synthetic', 'tfds:NAME', "
            r"'toy:NAME'; got "
            r"source='diggits'\. Did you mean 'digits'\?",
        ),
    ],
)
def test_options_are_checked_without_reading(source, options, message):
    for check in (check_options, DataSource):
        with pytest.raises(ValueError, match=message):
            check(source, options)


def test_load_dataset_rejects_unknown_options():
    with pytest.raises(
        ValueError, match=r"does not accept `valdation_size`.*Did you mean 'validation_size'\?"
    ):
        load_dataset('digits', valdation_size=3)
    with pytest.raises(ValueError, match='does not accept `location`'):
        load_dataset('npz:a.npz', location='b.npz')


def test_a_data_source_is_a_value():
    made = DataSource('synthetic', {'image_size': (4, 4), 'channels': None})
    assert (
        made
        == DataSource('synthetic', {'image_size': (4, 4)})
        != DataSource('synthetic', {'image_size': (4, 5)})
    )
    assert made.options == {'image_size': (4, 4)} and hash(made) == hash(DataSource('synthetic'))
    assert pickle.loads(pickle.dumps(made)) == copy.deepcopy(made) == made
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.source = 'digits'
    assert made.load().image_shape == (4, 4, 3) and DataSource('digits').load().num_classes == 10
    # Nothing is read before `load`.
    later = DataSource('folder:/nowhere', {'validation_size': 2})
    with pytest.raises(ValueError, match='no folder'):
        later.load()


def test_a_name_can_be_registered_once():
    @register_source('twice')
    def load_first():
        return one_image()

    assert register_source('twice')(load_first) is load_first

    def load_second():
        return one_image()

    with pytest.raises(
        ValueError, match=r"'twice' is already registered by .*load_first; got .*load_second"
    ):
        register_source('twice')(load_second)
    with pytest.raises(
        ValueError, match="'digits' is already registered by tfwolf.data.digits.load_digits"
    ):
        register_source('digits')(load_second)


def with_rest(**options):
    return options


def with_location(location):
    return location


def needs_width(width, height=3):
    return one_image()


@pytest.mark.parametrize(
    'name, location, load, message',
    [
        ('a:b', '', one_image, "letters, digits and _.*'a:b'"),
        ('', '', one_image, 'letters'),
        ('ok', '', one_image, r'named arguments; got \*_, \*\*__'),
        ('ok', '', with_rest, r'got \*\*options'),
        (
            'ok',
            '',
            with_location,
            r"if and only if .*got location='' and the arguments \['location'\]",
        ),
        ('ok', 'PATH', needs_width, r"got location='PATH' and the arguments \['width', 'height'\]"),
    ],
)
def test_unsuitable_functions_are_rejected(name, location, load, message):
    with pytest.raises(ValueError, match=message):
        register_source(name, location)(load)
    assert name not in known_sources()


def test_an_option_without_a_default_is_required():
    register_source('sized')(needs_width)
    assert load_dataset('sized', width=2).name == 'one'
    with pytest.raises(ValueError, match=r"'sized' requires `width`; got \{'height': 2\}"):
        check_options('sized', {'height': 2})


def test_sources_load_only_what_they_need():
    code = (
        'import sys; from tfwolf.data.sources import check_options; '
        'check_options("digits", {}); check_options("tfds:cifar10", {}); '
        'print(*{"tensorflow_datasets", "sklearn.datasets"} & {*sys.modules})'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stdout.strip() == '', done
