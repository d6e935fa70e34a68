"""The model card: evaluation of the exported weights, picture, and metadata for model hubs."""

import json
import os

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from support.small_models import random_images, small_flow_alone, small_wolf
from tfwolf.core.files import sha256
from tfwolf.serving.card_metadata import metadata, training_dataset
from tfwolf.serving.export import ExportedRun, write_version
from tfwolf.serving.model_card import model_card
from tfwolf.serving.run_evaluation import read_evaluation

yaml = pytest.importorskip('yaml', reason='needs PyYAML (extra "test")')

CONFIG = "dataset.source = 'tfds:cifar10'\nWolf.num_bits = 8\n"
RESULT = {
    'bits_per_dim': 3.5,
    'bits_per_dim_stderr': 0.01,
    'bits_per_dim_iwae': 3.4,
    'kl_nats': 12.0,
    'num_images': 1000,
    'num_samples': 5,
    'num_not_finite': 0,
    'dataset': 'cifar10',
    'dataset_version': '3.0.2',
    'split': 'test',
    'reconstruction': {'num_images': 64, 'num_not_exact': 1},
    'non_finite_samples': {'0.7': 0.0, '1.0': 0.25},
}


def save(train_dir, folder, step, value, **other):
    """Write a checkpoint of a model with one weight; return what a result says of it."""
    path = os.path.join(train_dir, folder, f'ckpt-{step}')
    model = tf.Module()
    model.weight = tf.Variable([value])
    variables = {name: tf.Variable(part) for name, part in other.items()}
    tf.train.Checkpoint(model=model, **variables).write(path)
    return {
        'checkpoint': f'ckpt-{step}',
        'checkpoint_sha256': sha256(f'{path}.index'),
        'weights': 'raw',
    }


def evaluate(train_dir, about, **changes):
    (train_dir / 'evaluation.json').write_text(json.dumps({**RESULT, **about, **changes}))


def provenance(about):
    return {**about, 'weights_sha256': 'f00d', 'versions': {'tfwolf': '1.0'}}


def card_of(model, train_dir, about, **arguments):
    """Return (metadata, text) of a model card."""
    card = model_card(model, 123456, provenance(about), str(train_dir), CONFIG, None, **arguments)
    _, block, text = card.split('---\n', 2)
    return yaml.safe_load(block), text


def test_evaluation_belongs_to_equal_weights(tmp_path):
    latest = save(tmp_path, 'checkpoints', 5, 1.0, optimizer=2.0)
    # Like the best checkpoint of a run, which has one more entry, at the same step.
    best = save(tmp_path, 'best', 5, 1.0, optimizer=2.0, best_bits_per_dim=3.0)
    assert latest['checkpoint_sha256'] != best['checkpoint_sha256']
    assert read_evaluation(str(tmp_path), provenance(best)) is None
    evaluate(tmp_path, latest)
    for about, is_of_export in (
        (latest, True),
        (best, True),
        ({**best, 'weights': 'averaged'}, False),
        ({**best, 'checkpoint': 'ckpt-4'}, False),
        ({**best, 'checkpoint_sha256': 'of a file that is gone'}, False),
    ):
        found = read_evaluation(str(tmp_path), provenance(about))
        assert found.is_of_export == is_of_export and found.result['bits_per_dim'] == 3.5
    other = save(tmp_path, 'best', 5, 1.5, optimizer=2.0, best_bits_per_dim=3.0)
    assert not read_evaluation(str(tmp_path), provenance(other)).is_of_export


def test_card_of_evaluated_weights(tmp_path):
    about = save(tmp_path, 'checkpoints', 5, 1.0)
    evaluate(tmp_path, about)
    data, text = card_of(small_wolf(), tmp_path, about, model_name='my-wolf', has_picture=True)
    assert data['license'] == 'unknown' and data['library_name'] == 'tfwolf'
    assert data['pipeline_tag'] == 'unconditional-image-generation'
    assert 'normalizing-flow' in data['tags'] and data['datasets'] == ['cifar10']
    assert data['metrics'] == ['bits_per_dimension']
    (entry,) = data['model-index']
    (result,) = entry['results']
    assert entry['name'] == 'my-wolf' and result['task']['type'] == data['pipeline_tag']
    assert result['dataset'] == {'type': 'cifar10', 'name': 'cifar10 3.0.2', 'split': 'test'}
    assert [(metric['type'], metric['value']) for metric in result['metrics']] == [
        ('bits_per_dimension', 3.5),
        ('bits_per_dimension_importance_weighted', 3.4),
    ]
    assert '![Samples at the end of training](samples.png)' in text
    assert 'upper bound, uniform dequantization | 3.5000 ± 0.0100 (standard error) |' in text
    assert '| images reconstructed exactly | 63 of 64 |' in text
    assert '| 0 % at temperature 0.7, 25 % at temperature 1.0 |' in text
    assert 'not of the exported weights' not in text and 'Wolf.num_bits = 8' in text
    assert '8 x 8 images with 3 channels at 8 bits' in text and '123,456 parameters' in text


def test_card_says_what_the_run_was_started_from(tmp_path):
    about = save(tmp_path, 'checkpoints', 5, 1.0)
    origin = {
        'source': '/home/me/runs/first',
        'kind': 'run',
        'checkpoint': 'ckpt-7',
        'sha256': 'ab',
        'weights': 'averaged',
    }
    row = '| trained from | the averaged weights of first (run, ckpt-7) |\n'
    _, text = card_of(small_wolf(), tmp_path, {**about, 'initialized_from': origin})
    assert row in text and '/home/me' not in text
    _, text = card_of(small_wolf(), tmp_path, about)
    assert 'trained from' not in text


def test_card_names_the_checkpoint_of_an_evaluation_of_other_weights(tmp_path):
    evaluate(tmp_path, save(tmp_path, 'checkpoints', 9, 1.0))
    about = save(tmp_path, 'best', 5, 2.0)
    data, text = card_of(small_wolf(), tmp_path, about)
    # The metadata do not say of which checkpoint a number is.
    assert 'model-index' not in data
    assert '**These numbers are not of the exported weights.**' in text
    assert 'the checkpoint `ckpt-9`, raw weights' in text
    assert 'export is of `ckpt-5`, raw weights' in text and '3.5000' in text
    assert 'samples.png' not in text


def test_card_without_evaluation_and_with_values_that_are_not_finite(tmp_path):
    about = save(tmp_path, 'checkpoints', 5, 1.0)
    model = small_flow_alone('glow')
    data, text = card_of(model, tmp_path, about)
    assert 'model-index' not in data and 'The run was not evaluated' in text
    evaluate(tmp_path, about, bits_per_dim=None, kl_nats=0.0, num_not_finite=3)
    data, text = card_of(model, tmp_path, about)
    ((metric,),) = [result['metrics'] for result in data['model-index'][0]['results']]
    assert metric['value'] == 3.4
    assert 'uniform dequantization | not finite' in text and 'KL of z' not in text
    assert '| images whose likelihood is not finite | 3 |' in text


@pytest.mark.parametrize(
    'source, name',
    [
        ("dataset.source = 'digits'", 'digits'),
        ("dataset.source = 'tfds:lsun/bedroom'", 'lsun'),
        ('dataset.source = "tfds:cifar10"', 'cifar10'),
        ("dataset.source = 'folder:/home/somebody/cats'", None),
        ("dataset.source = 'npz:cats.npz'", None),
        ("dataset.source = 'mine:/a/path'", None),
        ('experiment.image_shape = (8, 8, 1)', None),
    ],
)
def test_training_data_of_a_configuration(source, name):
    assert training_dataset(f'# seed = 0\n{source}\n') == name


@pytest.mark.parametrize('name', ['no', 'wolf: a model', '# wolf', '"', "'", '5', 'Wölfe', '-'])
def test_metadata_with_any_name(name):
    result = {**RESULT, 'dataset': name, 'dataset_version': None, 'bits_per_dim': 1e-6}
    (entry,) = yaml.safe_load(metadata(name, '', result))['model-index']
    assert entry['name'] == name and entry['results'][0]['dataset']['name'] == name
    assert entry['results'][0]['metrics'][0]['value'] == 1e-6


def test_version_has_the_samples_of_the_run(tmp_path):
    Image.new('RGB', (9, 9), (1, 2, 3)).save(tmp_path / 'samples.png')
    about = save(tmp_path, 'checkpoints', 5, 1.0)
    identity = {**about, 'versions': {'tfwolf': '1.0'}}
    model = small_wolf(images=random_images(16))
    folder = tmp_path / '1'
    folder.mkdir()
    run = ExportedRun(identity, str(tmp_path), CONFIG, ['cat', 'dog'])
    write_version(model, run, str(folder), 'wolf', verify=False)
    assert np.asarray(Image.open(folder / 'samples.png')).tolist() == [[[1, 2, 3]] * 9] * 9
    card = (folder / 'model_card.md').read_text()
    assert '(samples.png)' in card and '`--noverify`' in card
    signatures = json.loads((folder / 'signatures.json').read_text())
    assert signatures['weights_sha256'] in card
