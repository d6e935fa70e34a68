"""Data of TFDS that are not there, or not what they should be: an answer within seconds."""

import json
import time

import pytest
import requests
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download import downloader

from tfwolf.data import tfds_network
from tfwolf.data.sources import load_dataset
from tfwolf.data.tfds_features import check_features


@pytest.fixture
def asked(monkeypatch):
    """Without a network; returns the list of the addresses that were asked."""
    addresses = []

    def head(address, timeout):
        addresses.append(address)
        raise requests.ConnectionError('no network')

    monkeypatch.setattr(requests, 'head', head)
    return addresses


def refusal(name, folder):
    started = time.monotonic()
    with pytest.raises(ValueError) as caught:
        load_dataset(f'tfds:{name}', data_dir=str(folder))
    assert time.monotonic() - started < 15
    return str(caught.value)


def test_without_a_network_the_files_and_their_place_are_named(asked, tmp_path):
    message = refusal('cifar10', tmp_path)
    assert 'no network: www.cs.toronto.edu did not answer' in message
    assert 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz' in message
    assert f'{tmp_path}/cifar10' in message and f'{tmp_path}/downloads/manual' in message
    assert '--data_dir' in message
    assert set(asked) == {tfds_network.CLOUD, 'https://www.cs.toronto.edu/'}
    assert '36 more' in refusal('lsun/bedroom', tmp_path)


def test_files_that_were_put_there_by_hand_are_tried_once(asked, tmp_path, monkeypatch):
    (tmp_path / 'downloads/manual').mkdir(parents=True)
    (tmp_path / 'downloads/manual/some.tar.gz').touch()
    tries = []

    def download(self, *arguments, **settings):
        tries.append(downloader.MAX_RETRIES)
        raise OSError('the file is missing')

    monkeypatch.setattr(tfds.core.DatasetBuilder, 'download_and_prepare', download)
    before = downloader.MAX_RETRIES
    assert 'the file is missing' in refusal('cifar10', tmp_path)
    assert tries == [0] and downloader.MAX_RETRIES == before


def test_hosts_that_never_answer_are_given_up(monkeypatch):
    monkeypatch.setattr(requests, 'head', lambda address, timeout: time.sleep(5))
    started = time.monotonic()
    addresses = ['https://a.example/x', 'http://b.example/y', 'https://a.example/z']
    assert tfds_network.silent_hosts(addresses, deadline=0.2) == ['a.example', 'b.example']
    assert time.monotonic() - started < 2


def test_any_answer_is_a_network(monkeypatch):
    def head(address, timeout):
        if 'b.example' not in address:
            raise requests.Timeout

    monkeypatch.setattr(requests, 'head', head)
    assert tfds_network.silent_hosts(['https://a.example', 'https://b.example']) == []
    assert tfds_network.silent_hosts(['ftp://c.example/x']) == tfds_network.silent_hosts([]) == []


@pytest.mark.parametrize(
    'name',
    ['huggingface:x', 'kaggle:x/y', '../cifar10', 'cifar10/data_dir=/etc', '/etc/cifar10', 'a b'],
)
def test_names_are_those_of_the_catalog(name, tmp_path):
    assert "name of TFDS's own catalog" in refusal(name, tmp_path)


def write_features(folder, content):
    folder.mkdir(parents=True)
    (folder / 'features.json').write_text(json.dumps(content))


@pytest.mark.parametrize(
    'content',
    [
        {'pythonClassName': 'evil_features.Image'},
        {'featuresDict': {'features': {'x': {'pythonClassName': 'evil_features.sub.Image'}}}},
        {'type': 'evil_features.Image', 'content': '{}'},
        {'content': [{'type': 'evil_features.Image'}]},
    ],
)
def test_prepared_data_import_nothing(tmp_path, monkeypatch, content):
    (tmp_path / 'evil_features.py').write_text(f'open({str(tmp_path / "executed")!r}, "w")')
    monkeypatch.syspath_prepend(tmp_path)
    write_features(tmp_path / 'data/cifar10/3.0.2', content)
    message = refusal('cifar10:3.0.2', tmp_path / 'data')
    assert 'evil_features' in message and '--plugin' in message
    assert not (tmp_path / 'executed').exists()


def test_classes_of_tfds_and_of_imported_modules_are_accepted(tmp_path):
    write_features(
        tmp_path / 'one/1.0.0',
        {
            'pythonClassName': 'tensorflow_datasets.core.features.image_feature.Image',
            'a': {'pythonClassName': f'{__name__}.Own', 'type': 'text'},
        },
    )
    write_features(tmp_path / 'config/one/1.0.0', {})
    (tmp_path / 'config/one/1.0.0/features.json').write_text('not JSON')
    check_features(tmp_path)
