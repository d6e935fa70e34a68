"""Training from Python: as the command does it, and with models and images made in Python."""

import functools
import os
import signal

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import tfwolf
from support.small_models import random_images
from support.tool_runs import TINY
from tfwolf.core.variables import named_variables

QUIET = tfwolf.Environment(strategy='one_device', verbose=False)
# A flow without z, which is traced quickly.
MODEL = functools.partial(
    tfwolf.Wolf,
    num_bits=5,
    latent=tfwolf.NoLatent,
    flow=functools.partial(
        tfwolf.RefinedGlow,
        num_steps=[0, [1], 1],
        hidden_channels=[4, 4, 4],
        transform=tfwolf.BoundedAffine(1.0),
    ),
)
SHORT = {'batch_size': 8, 'init_batch_size': 16, 'num_pictures': 2, 'environment': QUIET}
IMAGES = random_images(60)


def weights(model):
    return {'/'.join(path): np.asarray(variable) for path, variable in named_variables(model)}


def assert_equal_weights(first, second):
    first, second = weights(first), weights(second)
    assert first.keys() == second.keys()
    for path, value in first.items():
        np.testing.assert_array_equal(second[path], value, err_msg=path)


def test_fit_equals_the_command(tiny_run, tmp_path, capsys):
    """The same weights in the same files, by the name of a shipped configuration, and continued."""
    fit = functools.partial(tfwolf.fit, 'digits', tmp_path / 'run', params=TINY, environment=QUIET)
    first = fit(max_steps=3)
    assert (
        first.step == 3
        and (tmp_path / 'run' / 'tensorboard').is_dir()
        and (tmp_path / 'run' / 'samples.png').exists()
    )
    run = fit(max_steps=6)
    assert capsys.readouterr().out == ''
    assert_equal_weights(run.model, tfwolf.load(tmp_path / 'run').model)
    # Commands disable some passes of TensorFlow's graph optimizer, so rounding may differ.
    by_command = weights(tfwolf.load(tiny_run).model)
    for path, value in weights(run.model).items():
        np.testing.assert_allclose(by_command[path], value, atol=1e-7, rtol=1e-5, err_msg=path)
    # The command sets the number of steps by a flag, not by a binding.
    text = run.config.text_with_seed(0)
    assert (
        text.replace('max_steps = 6', 'max_steps = 1000') == (tiny_run / 'config.gin').read_text()
    )
    assert (tmp_path / 'run' / 'config.gin').read_text() == text
    with pytest.raises(ValueError, match='another configuration.*\n.*num_bits'):
        fit(max_steps=7, params=[*TINY, 'Wolf.num_bits = 3'])


def test_the_model_of_a_run_encodes_decodes_and_evaluates(tiny_run):
    run = tfwolf.load(tiny_run)
    images = run.model.sample(3, seed=0)
    assert images.shape == (3, 8, 8, 1) and images.dtype == tf.uint8
    z, v = run.model.encode(images)
    assert z.shape == (3, 16) and v.shape == (3, 8, 8, 1)
    np.testing.assert_array_equal(run.model.decode(z, v), images)
    grid = run.model.interpolate(images[0], images[1], [0.0, 1.0], [0.0, 0.5, 1.0])
    assert grid.shape == (2, 3, 8, 8, 1)
    np.testing.assert_array_equal(grid[0, 0], images[0])
    np.testing.assert_array_equal(grid[1, 2], images[1])
    result = run.evaluate(num_samples=2, num_images=20)
    assert (
        result['num_images'] == 20
        and {'typicality', 'reconstruction', 'invertibility'} <= result.keys()
    )
    assert not (tiny_run / 'evaluation.json').exists()


@pytest.fixture(scope='module')
def python_run(tmp_path_factory):
    """Return a run of a model built in Python on an array."""
    return tfwolf.fit(
        model=MODEL,
        images=(IMAGES, np.arange(60) % 3),
        train_dir=tmp_path_factory.mktemp('runs') / 'python',
        max_steps=2,
        **SHORT,
    )


def test_a_model_and_images_made_in_python_are_trained_and_loaded(python_run):
    assert (
        python_run.step == 2
        and python_run.model.num_bits == 5
        and python_run.dataset.num_classes == 3
    )
    assert python_run.test_result['num_images'] == python_run.dataset.test.num_examples == 8
    found = tfwolf.load(python_run.train_dir, model=MODEL, images=(IMAGES, np.arange(60) % 3))
    assert_equal_weights(found.model, python_run.model)
    settings = {'split': 'validation', 'num_samples': 1, 'evaluators': ()}
    assert (
        found.evaluate(**settings)['bits_per_dim']
        == python_run.evaluate(**settings)['bits_per_dim']
    )
    with pytest.raises(ValueError, match='built in Python. Pass it to tfwolf.load as `model`'):
        tfwolf.load(python_run.train_dir)
    with pytest.raises(ValueError, match='images of .* were passed from Python'):
        _ = tfwolf.load(python_run.train_dir, model=MODEL).dataset
    with pytest.raises(ValueError, match='another model'):
        tfwolf.load(
            python_run.train_dir,
            model=functools.partial(
                MODEL, latent=functools.partial(tfwolf.LabelCondition, num_classes=3)
            ),
        )


@pytest.mark.slow
def test_a_python_run_continues_bit_for_bit(python_run, tmp_path):
    fit = functools.partial(
        tfwolf.fit,
        model=MODEL,
        images=(IMAGES, np.arange(60) % 3),
        train_dir=tmp_path / 'run',
        **SHORT,
    )
    fit(max_steps=1)
    assert_equal_weights(fit(max_steps=2).model, python_run.model)
    with pytest.raises(ValueError, match='another configuration.*\n.*accumulation_steps'):
        fit(max_steps=3, accumulation_steps=2)


@pytest.mark.parametrize('kind', ['dataset', 'folder', 'built model'])
def test_other_kinds_of_images_and_a_built_model(kind, tmp_path):
    images, model = IMAGES, MODEL
    if kind == 'dataset':
        images = tf.data.Dataset.from_tensor_slices(IMAGES)
    if kind == 'folder':
        images = tmp_path / 'images'
        images.mkdir()
        for number, image in enumerate(IMAGES):
            Image.fromarray(image).save(images / f'{number}.png')
    if kind == 'built model':
        model = MODEL(image_shape=(8, 8, 3), seed=4)
    run = tfwolf.fit(
        model=model, images=images, train_dir=tmp_path / 'run', max_steps=1, test_samples=0, **SHORT
    )
    assert (
        run.step == 1
        and run.dataset.train.num_examples
        + run.dataset.validation.num_examples
        + run.dataset.test.num_examples
        == 60
    )
    assert (run.model is model) == (kind == 'built model') and run.test_result is None


def test_a_shipped_configuration_on_other_images(tmp_path):
    run = tfwolf.fit(
        'digits',
        tmp_path / 'run',
        images=random_images(80, shape=(8, 8, 3)),
        params=TINY,
        max_steps=1,
        batch_size=16,
        num_pictures=2,
        environment=QUIET,
    )
    assert run.model.image_shape == (8, 8, 3)
    assert 'experiment.dataset = None' in run.config.text and tfwolf.load(
        tmp_path / 'run'
    ).model.image_shape == (8, 8, 3)


def test_ctrl_c_saves_a_checkpoint(tmp_path):
    sent = []

    def augmentation(images, seed):
        # Called when the input pipeline is built, just before the first step.
        if not sent:
            sent.append(os.kill(os.getpid(), signal.SIGINT))
        return images

    fit = functools.partial(
        tfwolf.fit,
        model=MODEL,
        images=IMAGES,
        train_dir=tmp_path / 'run',
        augmentations=(augmentation,),
        **SHORT,
    )
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        fit(max_steps=10**6)
    assert sent and signal.getsignal(signal.SIGINT) is handler
    # The checkpoint is complete.
    run = tfwolf.load(tmp_path / 'run', model=MODEL, images=IMAGES)
    assert run.step == 1 and run.model.initialized.numpy()


@pytest.mark.parametrize(
    'arguments, message',
    [
        ({}, '`train_dir` is required'),
        ({'train_dir': 'x'}, 'Pass either `config`'),
        ({'train_dir': 'x', 'config': 'digits', 'model': MODEL}, 'either'),
        ({'train_dir': 'x', 'model': MODEL}, '`images` is required'),
        ({'train_dir': 'x', 'config': 'digits', 'max_step': 3}, 'Did you mean .max_steps'),
        (
            {'train_dir': 'x', 'model': MODEL, 'images': IMAGES, 'max_steps': 3},
            '`batch_size` is required',
        ),
        (
            {
                'train_dir': 'x',
                'model': MODEL,
                'images': IMAGES / 255.0,
                'max_steps': 3,
                'batch_size': 8,
            },
            'Wolf.num_bits = None.*Multiply values from 0 to 1 by 255',
        ),
        (
            {'train_dir': 'x', 'model': MODEL, 'images': IMAGES, 'max_steps': 3, 'batch_size': 80},
            'at most 48',
        ),
        ({'train_dir': 'x', 'config': 'digitz'}, 'Did you mean .digits'),
    ],
)
def test_mistakes_are_reported_and_nothing_is_written(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        tfwolf.fit(**arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    'kind, num_bits, unit', [('float32', None, 'nats'), ('uint16', 12, 'bits')]
)
def test_arrays_of_other_types_are_fitted(tmp_path, kind, num_bits, unit):
    values = np.random.default_rng(0).gamma(2, 100, (60, *IMAGES.shape[1:])).astype(kind)
    model = functools.partial(MODEL, num_bits=num_bits)
    run = tfwolf.fit(train_dir=tmp_path / 'run', model=model, images=values, max_steps=3, **SHORT)
    assert run.dataset.image_type == kind
    samples = run.model.sample(2, seed=0)
    assert samples.dtype == kind and samples.shape == (2, *IMAGES.shape[1:])
    result = run.evaluate(num_samples=1, num_images=4, evaluators=())
    assert np.isfinite(result['nll_nats' if unit == 'nats' else 'bits_per_dim'])
    if unit == 'nats':
        # In a unit that is 1000 times smaller, the same density has log 1000 more nats per dim.
        again = tfwolf.fit(
            train_dir=tmp_path / 'milli', model=model, images=1000 * values, max_steps=3, **SHORT
        )
        other = again.evaluate(num_samples=1, num_images=4, evaluators=())
        assert 'bits_per_dim' not in result
        assert np.isfinite(other['nll_nats']) and other['nll_nats'] > result['nll_nats']
