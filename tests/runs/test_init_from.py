"""A run starts from the weights of another one: which fit, what is recorded, what is ignored."""

import functools
import json
import os
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

import tfwolf
from support.small_models import (
    random_images,
    small_class_model,
    small_flow_alone,
    small_wolf,
    stirred_wolf,
)
from support.tool_runs import run_tool
from tfwolf.core.freeze import freeze
from tfwolf.core.variables import as_tensorflow, named_variables
from tfwolf.models.initialization import initialize
from tfwolf.runs.configuration import read_configuration
from tfwolf.runs.pretrained_names import SHIPPED
from tfwolf.runs.weight_sources import start_from
from tfwolf.serving.saved_model import write_saved_model
from tfwolf.serving.signatures import Signatures
from tfwolf.training.checkpoint_files import publish
from tfwolf.training.weights_origin import read_origin, write_origin

GOLDEN = pathlib.Path(__file__).parents[1] / 'golden'
QUIET = tfwolf.Environment(strategy='one_device', verbose=False)
FLOW = functools.partial(
    tfwolf.RefinedGlow,
    num_steps=[0, [1], 1],
    hidden_channels=[4, 4, 4],
    transform=tfwolf.BoundedAffine(1.0),
)
MODEL = functools.partial(tfwolf.Wolf, num_bits=5, latent=tfwolf.NoLatent, flow=FLOW)
IMAGES = random_images(60)
SHORT = {
    'batch_size': 8,
    'init_batch_size': 16,
    'test_samples': 0,
    'picture_every': 0,
    'evaluate_every': 0,
    'environment': QUIET,
}


def weights(model):
    return {'/'.join(path): np.asarray(variable) for path, variable in named_variables(model)}


def assert_equal(first, second, **tolerance):
    assert first.keys() == second.keys()
    for path, value in first.items():
        np.testing.assert_allclose(
            second[path].astype(np.float64),
            value.astype(np.float64),
            err_msg=path,
            **{'rtol': 0, 'atol': 0, **tolerance},
        )


def saved(model, folder, step=5):
    """Writes a model as `tfwolf import` does; returns the folder."""
    publish(tf.train.Checkpoint(model=model), str(folder / 'checkpoints'), step, keep=1)
    (folder / 'config.gin').write_text('# A run.\n')
    return folder


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    """Returns a run whose weights are averaged."""
    return tfwolf.fit(
        model=MODEL,
        images=IMAGES,
        train_dir=tmp_path_factory.mktemp('runs') / 'source',
        max_steps=4,
        ema_decay=0.9,
        **SHORT,
    )


def fit(train_dir, images=IMAGES, model=MODEL, max_steps=2, **more):
    return tfwolf.fit(
        model=model, images=images, train_dir=train_dir, max_steps=max_steps, **{**SHORT, **more}
    )


@pytest.fixture(scope='module')
def tuned(source, tmp_path_factory):
    """Returns a run that was started from it, on other images."""
    train_dir = tmp_path_factory.mktemp('runs') / 'tuned'
    return fit(train_dir, random_images(60, seed=1), init_from=source.train_dir, seed=3)


def test_it_starts_from_the_averages_and_from_nothing_else(source, tuned):
    """From step 0, without an initialization, which would change them."""
    first = tfwolf.load(tuned.train_dir, checkpoint=0, model=MODEL, images=IMAGES)
    averaged = tfwolf.load(source.train_dir, model=MODEL, images=IMAGES)
    assert averaged.weights == 'averaged' and first.step == 0
    assert_equal(weights(first.model), weights(averaged.model))
    assert bool(first.model.initialized.numpy())
    reader = tf.train.load_checkpoint(first.checkpoint)
    moments = [name for name in reader.get_variable_to_shape_map() if 'moment' in name]
    assert moments and not any(np.any(reader.get_tensor(name)) for name in moments)
    assert reader.get_tensor('optimizer/updates/.ATTRIBUTES/VARIABLE_VALUE') == 0
    assert not reader.has_tensor('train_step/averages/count/.ATTRIBUTES/VARIABLE_VALUE')
    assert tuned.step == 2


def test_the_folder_and_results_say_where_the_weights_are_from(source, tuned):
    written = json.loads((pathlib.Path(tuned.train_dir) / 'initialized_from.json').read_text())
    assert written == {
        'source': os.path.abspath(source.train_dir),
        'kind': 'run',
        'checkpoint': 'ckpt-4',
        'sha256': source.identity['checkpoint_sha256'],
        'weights': 'averaged',
    }
    assert tuned.identity['initialized_from'] == written
    result = tuned.evaluate('validation', num_samples=1, evaluators=())
    assert result['initialized_from'] == written
    assert 'initialized_from' not in source.identity
    assert 'initialized_from' not in source.evaluate('validation', 1, evaluators=())


def test_a_continued_run_has_its_own_weights(source, tuned, tmp_path, capsys):
    """It neither reads nor records what is named then."""
    train_dir = shutil.copytree(tuned.train_dir, tmp_path / 'run')
    origin = read_origin(str(train_dir))
    run = fit(
        train_dir,
        random_images(60, seed=1),
        max_steps=3,
        init_from=tmp_path / 'gone',
        seed=3,
        environment=tfwolf.Environment(strategy='one_device'),
    )
    printed = capsys.readouterr().out
    assert f'The run has its own checkpoints: {tmp_path / "gone"} is not used' in printed
    assert 'Continuing from step 2' in printed and 'Initializ' not in printed
    assert run.step == 3 and origin and read_origin(str(train_dir)) == origin


@pytest.mark.slow
def test_it_continues_bit_for_bit_without_what_it_started_from(source, tuned, tmp_path, capsys):
    gone = shutil.copytree(source.train_dir, tmp_path / 'gone')
    arguments = {
        'images': random_images(60, seed=1),
        'seed': 3,
        'environment': tfwolf.Environment(strategy='one_device'),
    }
    fit(tmp_path / 'run', max_steps=1, init_from=gone, **arguments)
    assert 'Starting from the averaged weights of gone (run, ckpt-4)' in capsys.readouterr().out
    shutil.rmtree(gone)
    again = fit(tmp_path / 'run', max_steps=2, **arguments)
    assert_equal(weights(again.model), weights(tuned.model))


def test_an_origin_without_a_checkpoint_is_forgotten(tuned, tmp_path):
    """As after a start that was killed before its first checkpoint."""
    train_dir = shutil.copytree(tuned.train_dir, tmp_path / 'run')
    shutil.rmtree(train_dir / 'checkpoints')
    assert read_origin(str(train_dir))
    fit(train_dir, random_images(60, seed=1), max_steps=1, seed=3)
    assert not (train_dir / 'initialized_from.json').exists()


def test_a_flow_without_a_size_fits_images_of_another_size(source, tmp_path):
    run = fit(tmp_path / 'large', random_images(40, (16, 12, 3)), init_from=source.train_dir)
    first = tfwolf.load(run.train_dir, checkpoint=0, model=MODEL, images=run.dataset)
    averaged = tfwolf.load(source.train_dir, model=MODEL, images=IMAGES)
    assert first.model.image_shape == (16, 12, 3)
    assert_equal(weights(first.model), weights(averaged.model))
    before, after = (
        float(
            tf.reduce_mean(
                model.bits_per_dim(
                    run.dataset.train.load(np.arange(30))['image'],
                    model.draw_noise(30, tf.constant([0, 1])),
                )
            )
        )
        for model in (first.model, run.model)
    )
    assert np.isfinite([before, after]).all()


def lines_of(error):
    return [line.strip() for line in str(error.value).splitlines()[1:]]


def test_weights_that_do_not_fit_are_named_and_nothing_is_written(source, tmp_path):
    wider = functools.partial(MODEL, flow=functools.partial(FLOW, hidden_channels=[4, 4, 6]))
    with pytest.raises(
        ValueError, match='weights of .* do not fit this model; nothing was'
    ) as error:
        fit(tmp_path / 'run', model=wider, init_from=source.train_dir)
    lines = lines_of(error)
    assert lines and all(': ours (' in line and ', theirs (' in line for line in lines)
    assert any(
        line.endswith('net.kernel2: ours (1, 1, 1, 6, 6), theirs (1, 1, 1, 4, 4)') for line in lines
    )
    longer = functools.partial(MODEL, flow=functools.partial(FLOW, num_steps=[1, [1], 1]))
    with pytest.raises(ValueError) as error:
        fit(tmp_path / 'run', model=longer, init_from=source.train_dir)
    lines = lines_of(error)
    assert any(line.endswith('ours (1, 3), theirs missing') for line in lines)
    more = functools.partial(MODEL, flow=functools.partial(FLOW, num_steps=[0, [2], 1]))
    with pytest.raises(ValueError, match=r'ours \(2, .*theirs \(1, '):
        fit(tmp_path / 'run', model=more, init_from=source.train_dir)
    assert not (tmp_path / 'run').exists()


def test_what_only_the_other_model_has_is_named(tmp_path):
    folder = saved(small_wolf(images=random_images(20)), tmp_path / 'wolf')
    model = small_wolf(latent=None)
    before = weights(model)
    with pytest.raises(ValueError) as error:
        start_from(model, folder)
    lines = lines_of(error)
    assert any(
        line.startswith('latent/prior/') and 'ours missing, theirs (' in line for line in lines
    )
    assert lines[-1].endswith('more') and len(lines) == 41
    assert_equal(weights(model), before)
    assert not model.initialized.numpy()


@pytest.mark.parametrize(
    'make, expected',
    [
        (
            lambda shape: small_wolf(shape=shape),
            [
                'latent/encoder/posterior/direction: ours (128, 8), theirs (64, 8)',
            ],
        ),
        (
            lambda shape: tfwolf.Wolf(
                shape,
                8,
                flow=functools.partial(tfwolf.ConditionalBase, flow=FLOW),
                latent=functools.partial(tfwolf.LabelCondition, num_classes=3),
            ),
            [
                'flow/layers/1/kernel: ours (3, 768), theirs (3, 384)',
                'flow/layers/1/bias: ours (768,), theirs (384,)',
            ],
        ),
        (
            lambda shape: tfwolf.Wolf(
                shape,
                8,
                flow=functools.partial(FLOW, factor_out=tfwolf.LikelihoodContribution(1)),
                latent=tfwolf.NoLatent,
            ),
            None,
        ),
    ],
)
def test_parts_with_a_size_of_their_own_are_named(make, expected, tmp_path):
    small, large = make((8, 8, 3)), make((8, 16, 3))
    small.initialized.assign(True)
    folder = saved(small, tmp_path / 'small')
    before = weights(large)
    with pytest.raises(ValueError, match='depend on the size of the images') as error:
        start_from(large, folder)
    lines = lines_of(error)
    if expected is None:
        assert lines and all('order: ours (' in line for line in lines)
    else:
        assert lines == expected
    assert_equal(weights(large), before)


@pytest.mark.slow
def test_an_arrangement_is_taken_over_without_a_preparation(tmp_path):
    """A run with LCMA starts in its second phase, with the order of the other run."""
    model = functools.partial(
        MODEL, flow=functools.partial(FLOW, factor_out=tfwolf.LikelihoodContribution(1))
    )
    first = fit(tmp_path / 'first', model=model)
    assert (tmp_path / 'first' / 'preparation').is_dir()
    second = fit(tmp_path / 'second', model=model, init_from=tmp_path / 'first')
    assert not (tmp_path / 'second' / 'preparation').exists() and second.step == 2
    orders = [
        {path: value for path, value in weights(run.model).items() if path.endswith('order')}
        for run in (first, second)
    ]
    assert orders[0]
    assert_equal(*orders)


def test_types_are_converted_and_all_replicas_are_set(tmp_path):
    double = small_wolf(tf.float64)
    initialize(double, random_images(20), 0)
    folder = saved(double, tmp_path / 'double')
    strategy = tf.distribute.MirroredStrategy(['/cpu:0', '/cpu:1'])
    with strategy.scope():
        model = small_wolf(seed=5)
    origin = start_from(model, folder)
    assert origin['weights'] == 'raw' and origin['kind'] == 'run'
    assert_equal(weights(double), weights(model), rtol=1e-7)
    for _, variable in named_variables(model):
        first, second = as_tensorflow(variable).values
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize('name', ['wolf', 'labels', 'glow', 'lagged realnvp'])
def test_every_kind_of_flow_is_found_by_its_names(name, tmp_path):
    if name == 'wolf':
        model, other = stirred_wolf(), small_wolf()
    elif name == 'labels':
        model, other = small_class_model(), small_class_model()
    else:
        model, other = initialized(small_flow_alone(name)), small_flow_alone(name, seed=1)
    for variable in other.trainable_variables:
        variable.assign(tf.zeros_like(variable))
    start_from(other, saved(model, tmp_path / 'run'))
    assert_equal(weights(model), weights(other))


def initialized(model):
    initialize(model, random_images(20), 0)
    for number, variable in enumerate(model.trainable_variables):
        variable.assign_add(np.random.default_rng(number).normal(0, 0.05, variable.shape))
    return model


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))


@pytest.mark.parametrize('name', ['pretrained:digits', 'digits', SHIPPED / 'digits'])
def test_pretrained_and_packed_models(name, cache):
    model = read_configuration(['digits']).experiment().make_model((8, 8, 1), seed=7)
    origin = start_from(model, name)
    assert origin['kind'] == ('packed model' if name == SHIPPED / 'digits' else 'pretrained model')
    with np.load(SHIPPED / 'digits' / 'weights.npz') as archive:
        assert_equal(dict(archive), weights(model))
    assert origin['source'] == (str(name) if '/' in str(name) or ':' in str(name) else 'digits')


def test_a_folder_wins_over_a_name(cache, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = stirred_wolf()
    saved(model, tmp_path / 'digits')
    other = small_wolf()
    assert start_from(other, 'digits')['kind'] == 'run'
    assert_equal(weights(model), weights(other))


def import_tiny(folder, *flags):
    """Import the small model of the reference."""
    run_tool(
        'import',
        f'--config_file={GOLDEN / "wolf_tiny.json"}',
        f'--weights_file={GOLDEN / "wolf_tiny.weights.npz"}',
        '--image_size=16,16',
        '--num_bits=5',
        *flags,
        f'--output_dir={folder}',
    )


def test_an_imported_model(tmp_path):
    import_tiny(tmp_path / 'imported')
    text = (tmp_path / 'imported' / 'config.gin').read_text()
    imported = tfwolf.load(tmp_path / 'imported').model
    assert imported.dtype == tf.float64
    experiment = read_configuration(params=["Wolf.dtype = 'float32'"], run_text=text).experiment()
    model = experiment.make_model((16, 16, 3), seed=1)
    start_from(model, tmp_path / 'imported')
    assert_equal(weights(imported), weights(model), rtol=1e-6, atol=1e-9)


@pytest.mark.slow
def test_training_of_an_imported_model(tmp_path):
    np.save(tmp_path / 'images.npy', random_images(60, (16, 16, 3)))
    imported = tmp_path / 'imported'
    import_tiny(imported, '--dtype=float32')
    printed, _ = run_tool(
        'train',
        f'--gin_file={imported / "config.gin"}',
        f'--init_from={imported}',
        f'--train_dir={tmp_path / "tuned"}',
        f"--gin_param=dataset.source = 'npz:{tmp_path / 'images.npy'}'",
        '--gin_param=train.batch_size = 8',
        '--gin_param=train.max_steps = 2',
        '--gin_param=train.picture_every = 0',
    )
    assert 'Starting from the raw weights of imported (run, ckpt-0)' in printed
    assert 'Held out' in printed
    result = json.loads((tmp_path / 'tuned' / 'evaluation.json').read_text())
    assert result['initialized_from']['checkpoint'] == 'ckpt-0'


def export(model, folder):
    """Exports a model with the signatures that read all weights; returns the folder of versions."""
    freeze(model)
    signatures = Signatures(model)
    signatures.all = {name: signatures.all[name] for name in ('encode', 'decode', 'bits_per_dim')}
    write_saved_model(signatures, str(folder / '1'))
    return folder


def check_equal_models(model, other):
    images = random_images(6, seed=9)
    labels = np.arange(6) % 3 if model.latent.needs_labels else None
    noise = model.draw_noise(6, tf.constant([0, 1]))
    np.testing.assert_allclose(
        other.bits_per_dim(images, noise, labels),
        model.bits_per_dim(images, noise, labels),
        rtol=1e-5,
    )
    for first, second in zip(model.encode(images, labels), other.encode(images, labels)):
        if first is not None:
            np.testing.assert_allclose(first, second, atol=2e-4)


def test_an_exported_model(tmp_path):
    """Kernels are stored in it; their directions and lengths are computed back from them."""
    (tmp_path / '0').mkdir()
    folder = export(stirred_wolf(), tmp_path)
    model, other = stirred_wolf(), small_wolf(seed=8)
    own = weights(other)
    for place in (folder, folder / '1'):
        origin = start_from(other, place)
        assert (origin['kind'], origin['checkpoint']) == ('exported model', '1')
    check_equal_models(model, other)
    found, wanted = weights(other), weights(model)
    for path, value in found.items():
        if not path.endswith(('direction', 'length')):
            np.testing.assert_array_equal(value, wanted[path], err_msg=path)
    # Directions are as long as those of a new model.
    for path in found:
        if path.endswith('posterior/direction'):
            lengths = [np.linalg.norm(values[path], axis=0) for values in (found, own)]
            np.testing.assert_allclose(*lengths, rtol=1e-5)
    with pytest.raises(ValueError, match='latent/encoder/posterior/direction: ours .*theirs'):
        start_from(small_wolf(shape=(16, 16, 3)), folder)


@pytest.mark.slow
@pytest.mark.parametrize('name', ['realnvp', 'plu', 'labels'])
def test_exported_models_of_other_kinds(name, tmp_path):
    def make(seed):
        if name == 'labels':
            return small_class_model()
        if name == 'realnvp':
            return initialized(small_flow_alone('realnvp', seed=seed))
        flow = functools.partial(FLOW, num_steps=[1, [2], 1], matrix=tfwolf.PLUMatrix)
        return initialized(MODEL((8, 8, 3), flow=flow, seed=seed))

    folder, other = export(make(0), tmp_path), make(1)
    start_from(other, folder)
    check_equal_models(make(0), other)


@pytest.mark.slow
def test_a_kernel_of_zeros_has_no_direction(tmp_path):
    """As in a network that was just initialized; the model's own direction stays."""
    folder = export(small_wolf(images=random_images(20)), tmp_path)
    model = small_wolf(seed=4)
    own = weights(model)
    start_from(model, folder)
    path = next(path for path in own if path.endswith('output_direction'))
    np.testing.assert_array_equal(weights(model)[path], own[path])
    assert not np.any(weights(model)[path.replace('direction', 'length')])
    check_equal_models(small_wolf(images=random_images(20)), model)


def test_an_export_of_an_earlier_version_is_refused(tmp_path):
    version = shutil.copytree(GOLDEN / 'earlier_run' / 'export' / '1', tmp_path / 'export' / '1')
    (version / 'saved_model.pb').write_bytes(b'')
    with pytest.raises(ValueError, match='without the names of its weights.*Name the run'):
        start_from(small_wolf(), tmp_path / 'export')


@pytest.mark.parametrize(
    'files, message',
    [
        (None, "does not exist. Did you mean 'digits'"),
        ({}, 'has none of these files'),
        ({'config.gin': ''}, 'has no checkpoint yet. Train it first'),
        ({'config.gin': '', 'weights.npz': 'x'}, 'weights.npz cannot be read'),
        ({'1/saved_model.pb': '', '1/variables/x': ''}, 'variables cannot be read'),
        ({'checkpoints/ckpt-3.index': 'x', 'config.gin': ''}, 'No checkpoint in .* can be used'),
        # Weights for another runtime, without a configuration.
        ({'weights.npz': 'x', 'manifest.json': '{}'}, 'has none of these files'),
    ],
)
def test_what_holds_no_weights_is_named(files, message, cache, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in (files or {}).items():
        path = tmp_path / 'digitz' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    if files == {}:
        (tmp_path / 'digitz').mkdir()
    with pytest.raises(ValueError, match=message):
        start_from(small_wolf(), 'digitz')


def test_an_uninitialized_model_is_no_source(tmp_path):
    model = small_wolf(latent=None)
    with pytest.raises(ValueError, match='not initialized from data'):
        start_from(small_wolf(latent=None), saved(model, tmp_path / 'new'))


def test_links_out_of_the_folder_are_refused(tmp_path):
    folder = saved(small_wolf(latent=None), tmp_path / 'run')
    (folder / 'data.json').symlink_to('/etc/hostname')
    with pytest.raises(ValueError, match='link that leads out'):
        start_from(small_wolf(latent=None), folder)


def test_averages_of_another_model_are_refused(source, tmp_path):
    """A checkpoint of a stranger cannot set weights to values of another shape."""
    model = MODEL((8, 8, 3))
    model.initialized.assign(True)
    step = tf.Module()
    step.averages = tf.Module()
    step.averages.count = tf.Variable(1, dtype=tf.int64)
    step.averages.values = [tf.Variable(tf.zeros([2, 2])) for _ in model.trainable_variables]

    def write(name):
        path = tmp_path / name
        checkpoint = tf.train.Checkpoint(model=model, train_step=step)
        publish(checkpoint, str(path / 'checkpoints'), 1, keep=1)
        return path

    with pytest.raises(ValueError, match='averages in .* are not those of its weights'):
        start_from(MODEL((8, 8, 3)), write('shapes'))
    step.averages.values = [tf.Variable(tf.zeros([2, 2]))]
    with pytest.raises(ValueError, match='not have as many averages as weights'):
        start_from(MODEL((8, 8, 3)), write('count'))


def test_an_origin_of_a_stranger_is_text_without_markup(tmp_path):
    written = {
        'source': '/a/<b> | [x](y)`\n# Title',
        'kind': 'run',
        'checkpoint': 'ckpt-1',
        'sha256': 'f' * 10**5,
        'weights': 'raw',
    }
    write_origin(str(tmp_path), written)
    found = read_origin(str(tmp_path))
    assert found['source'] == '/a/_b_ _ _x__y____ Title' and len(found['sha256']) == 500
    for text in ('', '[]', '3', '{}', '{"source": 1}', json.dumps({**written, 'kind': 3})):
        (tmp_path / 'initialized_from.json').write_text(text)
        assert read_origin(str(tmp_path)) is None


def test_a_pretrained_model_is_not_trained_in_place():
    with pytest.raises(ValueError, match='start it from .* --init_from=pretrained:digits'):
        tfwolf.fit('digits', 'pretrained:digits')
