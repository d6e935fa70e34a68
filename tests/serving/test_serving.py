"""Exports: equal to the model, no weight stored twice, no matrix inverted, inputs validated."""

import functools
import io
import json
import math
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import prediction_log_pb2

from support.small_models import SHAPE, random_images, small_flow_alone, small_wolf
from tfwolf.analysis.coder import Coder
from tfwolf.benchmark import served
from tfwolf.bijectors.matrix import PLUMatrix
from tfwolf.bijectors.repeat import Repeat
from tfwolf.bijectors.transforms import BoundedAffine
from tfwolf.core.freeze import derived_attributes, freeze
from tfwolf.core.variables import named_variables, walk
from tfwolf.evaluation.likelihood_map import likelihood_map
from tfwolf.flows.refined_glow import RefinedGlow
from tfwolf.models.initialization import initialize
from tfwolf.models.label_latents import ClassLatent
from tfwolf.models.wolf import Wolf
from tfwolf.serving import verification
from tfwolf.serving.c_api import Servable, ServableError
from tfwolf.serving.examples import example_inputs, png
from tfwolf.serving.saved_model import write_saved_model
from tfwolf.serving.signatures import PNG, Signatures
from tfwolf.serving.stablehlo import write_stablehlo
from tfwolf.serving.verification import CHILD, check, differences, expected_results
from tfwolf.serving.versions import find_version, new_folder, new_version, versions
from tfwolf.serving.warmup import WARMUP, read_example, write_examples, write_warmup

IMAGES = random_images(24)
NAMES = {
    'encode',
    'serving_default',
    'decode',
    'sample',
    'bits_per_dim',
    'likelihood_map',
    'reconstruct',
    'switch',
    'interpolate',
    'encode_png',
    'decode_png',
    'sample_png',
}
FORBIDDEN = {
    'MatrixInverse',
    'MatrixSolve',
    'MatrixTriangularSolve',
    'MatrixDeterminant',
    'LogMatrixDeterminant',
    'Qr',
    'PyFunc',
    'EagerPyFunc',
}


def trained(model, images=IMAGES):
    """Return an initialized model with all weights moved from their initial values."""
    initialize(model, images, seed=0, labels=np.arange(len(images)) % 3)
    random = np.random.default_rng(1)
    for _, variable in named_variables(model):
        if variable.trainable:
            variable.assign_add(0.03 * random.standard_normal(variable.shape))
    return model


@pytest.fixture(scope='module')
def export(tmp_path_factory):
    """Return (model, its signatures, folder of its export, the loaded export)."""
    folder = str(tmp_path_factory.mktemp('export') / '1')
    model, fixed = trained(small_wolf()), trained(small_wolf())
    freeze(fixed)
    write_saved_model(Signatures(fixed), folder)
    return model, Signatures(model), folder, Servable(folder)


@pytest.fixture(scope='module')
def unchecked(export):
    return Servable(export[2], check_shapes=False)


def repeats(model):
    return [node for _, node in walk(model) if isinstance(node, Repeat)]


def operations_of(folder, signature):
    """Return the operations of a signature's function and of all functions that it calls."""
    with open(os.path.join(folder, 'saved_model.pb'), 'rb') as file:
        meta_graph = saved_model_pb2.SavedModel.FromString(file.read()).meta_graphs[0]
    output = next(iter(meta_graph.signature_def[signature].outputs.values())).name.split(':')[0]
    library = {
        function.signature.name: function.node_def
        for function in meta_graph.graph_def.library.function
    }
    waiting = [node for node in meta_graph.graph_def.node if node.name == output]
    seen, operations = set(), set()
    while waiting:
        node = waiting.pop()
        operations.add(node.op)
        for called in {value.func.name for value in node.attr.values() if value.func.name} - seen:
            seen.add(called)
            waiting += library[called]
    return operations


def test_every_signature_agrees_with_the_model(export):
    model, _, _, servable = export
    assert set(servable.signatures) == NAMES
    images, others = IMAGES[:3], IMAGES[3:6]
    code = servable('encode', {'images': images})
    z, v = model.encode(images)
    np.testing.assert_allclose(code['z'], z, atol=1e-5)
    np.testing.assert_allclose(code['v'], v, atol=2e-5)
    np.testing.assert_allclose(
        code['z_log_variance'], model.posterior(images).log_variance, atol=1e-5
    )
    np.testing.assert_array_equal(
        servable('decode', {'z': code['z'], 'v': code['v']})['images'], images
    )
    np.testing.assert_array_equal(servable('reconstruct', {'images': images})['images'], images)
    switched = servable('switch', {'images_a': images, 'images_b': others})
    for found, expected in zip(
        (switched['z_of_a_v_of_b'], switched['z_of_b_v_of_a']), model.switch(images, others)
    ):
        np.testing.assert_array_equal(found, expected)
    files = np.array([png(image) for image in images], object)
    np.testing.assert_array_equal(servable('encode_png', {'image_bytes': files})['v'], code['v'])
    decoded = servable('decode_png', {'z': code['z'], 'v': code['v']})[PNG]
    np.testing.assert_array_equal(
        [np.asarray(Image.open(io.BytesIO(file))) for file in decoded], images
    )


def test_corners_of_the_grid_are_the_images_and_their_switches(export):
    *_, servable = export
    a, b = IMAGES[:2], IMAGES[2:4]
    places = {
        'alphas': np.tile(np.float32([0, 0.5, 1]), (2, 1)),
        'betas': np.tile(np.float32([0, 1]), (2, 1)),
    }
    grid = servable('interpolate', {'images_a': a, 'images_b': b, **places})['images']
    assert grid.shape == (2, 3, 2, *SHAPE)
    switched = servable('switch', {'images_a': a, 'images_b': b})
    for found, expected in (
        (grid[:, 0, 0], a),
        (grid[:, 2, 1], b),
        (grid[:, 2, 0], switched['z_of_b_v_of_a']),
        (grid[:, 0, 1], switched['z_of_a_v_of_b']),
    ):
        np.testing.assert_array_equal(found, expected)


def test_finite_output_marks_images_that_are_not_valid(export):
    model, _, _, servable = export
    code = servable('encode', {'images': IMAGES[:3]})
    code['v'][1] = 3e38
    found = servable('decode', {'z': code['z'], 'v': code['v']})
    assert found['finite'].tolist() == [True, False, True]
    assert Coder(model).decode(code['z'], code['v']).finite.tolist() == [True, False, True]
    np.testing.assert_array_equal(found['images'][[0, 2]], IMAGES[[0, 2]])
    pair = {'images_a': IMAGES[:2], 'images_b': IMAGES[2:4]}
    switched = servable('switch', pair)
    for name in ('z_of_a_v_of_b', 'z_of_b_v_of_a'):
        assert switched[f'{name}_finite'].tolist() == [True, True]
    places = {'alphas': np.zeros((2, 3), np.float32), 'betas': np.ones((2, 4), np.float32)}
    assert servable('interpolate', {**pair, **places})['finite'].shape == (2, 3, 4)


def test_image_of_a_seed_does_not_depend_on_the_batch(export):
    model, _, _, servable = export
    seeds = np.array([[5, 6], [7, 2**62], [-1, 0]])
    inputs = {
        'seeds': seeds,
        'temperature_v': np.float32([0.7, 1, 0]),
        'temperature_z': np.float32([1, 0.5, 0]),
    }
    together = servable('sample', inputs)['images']
    for row in range(3):
        alone = servable('sample', {name: value[row : row + 1] for name, value in inputs.items()})[
            'images'
        ][0]
        assert np.mean(alone != together[row]) <= 1e-3
        assert np.max(np.abs(alone.astype(int) - together[row])) <= 1
    assert (together[0] != together[1]).any()
    zero = model.decode(model.latent.from_noise(tf.zeros([1, 4])), tf.zeros([1, *SHAPE]))[0]
    np.testing.assert_array_equal(together[2], zero)


def test_bits_per_dim_is_a_function_of_the_image(export):
    model, _, _, servable = export
    bits = servable('bits_per_dim', {'images': IMAGES})['bits_per_dim']
    np.testing.assert_allclose(
        servable('bits_per_dim', {'images': IMAGES[5:6]})['bits_per_dim'], bits[5:6], rtol=1e-5
    )
    draws = [
        model.bits_per_dim(IMAGES, model.draw_noise(24, tf.constant([9, draw]))).numpy().mean()
        for draw in range(8)
    ]
    assert abs(bits.mean() - np.mean(draws)) < 5 * np.std(draws) + 1e-3


def test_the_likelihood_map_is_that_of_the_library_and_adds_up_to_the_bound(export):
    model, _, _, servable = export
    found = servable('likelihood_map', {'images': IMAGES})
    bits = servable('bits_per_dim', {'images': IMAGES})['bits_per_dim']
    np.testing.assert_allclose(found['bits_per_dim'], bits, rtol=1e-5)
    np.testing.assert_allclose(
        found['bits_per_pixel'].sum(axis=(1, 2)), bits * math.prod(SHAPE), rtol=1e-5
    )
    alone = servable('likelihood_map', {'images': IMAGES[5:6]})
    np.testing.assert_allclose(alone['bits_per_pixel'][0], found['bits_per_pixel'][5], rtol=1e-4)
    shares, _ = likelihood_map(model, IMAGES, num_draws=16)
    expected = -shares / math.log(2)
    distance = np.std(found['bits_per_pixel'] - expected)
    assert distance < 0.2 * np.std(expected)


def test_weights_are_stored_once_and_no_matrix_is_inverted(export):
    model, _, folder, _ = export
    reader = tf.train.load_checkpoint(os.path.join(folder, 'variables', 'variables'))
    stored = sum(
        math.prod(shape)
        for name, shape in reader.get_variable_to_shape_map().items()
        if name.startswith('weights/')
    )
    weights = sum(math.prod(variable.shape) for _, variable in named_variables(model))
    # In addition to the weights: the inverse and the log-determinant of each matrix. A kernel
    # replaces its direction and length.
    matrices = [
        attribute.compute(module)
        for _, module, attribute in derived_attributes(model)
        if attribute.name in ('inverse', 'log_abs_det')
    ]
    assert (
        0.95 * weights
        < stored
        < weights
        + sum(
            math.prod(layer.weights[name].shape) + layer.repeats
            for layer in repeats(model)
            for name in layer.weights
            if name.endswith('matrix.weight')
        )
        + sum(map(tf.size, matrices))
    )
    for name in NAMES:
        operations = operations_of(folder, name)
        assert 'Conv2D' in operations and not operations & FORBIDDEN, name


def test_frozen_weights_compute_the_same_and_are_used():
    for make in (lambda: small_flow_alone('glow'), lambda: small_flow_alone('realnvp'), small_wolf):
        model = trained(make())
        z, v = model.encode(IMAGES)
        freeze(model)
        z_fixed, v_fixed = model.encode(IMAGES)
        np.testing.assert_allclose(v_fixed, v, atol=2e-5)
        np.testing.assert_array_equal(model.decode(z_fixed, v_fixed), IMAGES)
        for _, module, attribute in derived_attributes(model):
            assert isinstance(getattr(module, attribute.name), tf.Variable), attribute.name
    matrix = PLUMatrix(4, dtype=tf.float64)
    x = tf.constant(np.random.default_rng(0).normal(size=(3, 4)))
    y = matrix.multiply(x)
    freeze(matrix)
    matrix.triangles.assign(tf.zeros_like(matrix.triangles))
    np.testing.assert_allclose(matrix.multiply(x), y)
    np.testing.assert_allclose(matrix.solve(y), x, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(
    'kind, missing, inputs',
    [
        (
            'glow',
            ['switch'],
            {
                'sample': 'seeds temperature_v',
                'interpolate': 'images_a images_b betas',
                'encode': 'images',
            },
        ),
        (
            'classes',
            [],
            {
                'sample': 'seeds temperature_v labels',
                'encode': 'images labels',
                'switch': 'images_a images_b labels_a labels_b',
            },
        ),
    ],
)
def test_signatures_of_models_without_an_encoder(tmp_path, kind, missing, inputs):
    def make():
        if kind == 'glow':
            return trained(small_flow_alone('glow'))
        flow = functools.partial(
            RefinedGlow, num_steps=[1, 1], hidden_channels=[4, 6], transform=BoundedAffine(1.0)
        )
        return trained(
            Wolf(
                SHAPE,
                8,
                flow=flow,
                latent=functools.partial(ClassLatent, latent_dim=4, num_classes=3),
            )
        )

    model = make()
    signatures = Signatures(model)
    assert set(signatures.all) == NAMES - set(missing)
    for name, expected in inputs.items():
        assert set(signatures.all[name].arguments) == set(expected.split())
    outcome = expected_results(model, signatures)
    freeze(model)
    write_saved_model(Signatures(model), str(tmp_path / '1'))
    found = differences(str(tmp_path / '1'), outcome)
    assert not [str(each) for each in found if not each.is_good]
    if kind == 'classes':
        with pytest.raises(ServableError, match='`labels` must be from 0 to 2'):
            Servable(tmp_path / '1')('encode', {'images': IMAGES[:1], 'labels': np.array([3])})


def with_nan(v):
    v = v.copy()
    v[0, 0, 0, 0] = np.nan
    return v


@pytest.mark.parametrize(
    'signature, changes, message',
    [
        (
            'encode',
            {'images': IMAGES[:0]},
            '`images` must be uint8 .batch, 8, 8, 3. with at least one image',
        ),
        (
            'encode',
            {'images': IMAGES[0]},
            '`images` must be uint8 .batch, 8, 8, 3.*got the shape .8 8 3.',
        ),
        (
            'encode',
            {'images': IMAGES[:, :4]},
            '`images` must be uint8 .batch, 8, 8, 3.*got the shape .24 4 8 3.',
        ),
        ('encode', {'images': IMAGES[..., :1]}, '`images` must be uint8'),
        ('encode', {'images': IMAGES.astype(np.float32)}, '`images` must be uint8'),
        ('encode', {'pictures': IMAGES}, 'takes the inputs images; got images, pictures'),
        ('decode', {'v': np.zeros((2, 8, 8, 3), np.float32)}, '`.` must have as many rows as `.`'),
        ('decode', {'v': with_nan}, '`v` must be finite; 1 of 192 values are not'),
        (
            'sample',
            {'temperature_v': np.float32([-1])},
            '`temperature_v` must be finite and at least 0',
        ),
        (
            'sample',
            {'temperature_z': np.float32([np.nan])},
            '`temperature_z` must be finite and at least 0',
        ),
        ('sample', {'seeds': np.array([[1]])}, '`seeds` must be int64 .batch, 2.'),
        (
            'interpolate',
            {'betas': np.zeros((1, 0), np.float32)},
            '`betas` must be float32 .batch, num_betas. with at least one',
        ),
        (
            'interpolate',
            {'alphas': np.zeros((1, 34), np.float32)},
            '`alphas` must be finite, with at most 33 per pair',
        ),
        (
            'sample',
            {'temperature_v': np.ones((1, 1), np.float32)},
            '`temperature_v` must be float32 .batch..*got the shape .1 1.',
        ),
        (
            'encode',
            {'images': IMAGES[:2, ..., None]},
            '`images` must be uint8 .batch, 8, 8, 3.*got the shape .2 8 8 3 1.',
        ),
        ('encode_png', {'image_bytes': [5]}, '`image_bytes` must be bytes; got int'),
        (
            'switch',
            {'images_b': IMAGES[:2]},
            '`images_b` must have as many rows as `images_a`, 1; got 2',
        ),
        (
            'encode_png',
            {'image_bytes': [b'a text file']},
            '`image_bytes` must be PNG or JPEG files; got another file',
        ),
        (
            'encode_png',
            {'image_bytes': [b'\x89PNG']},
            '`image_bytes` must be images of 8 x 8 pixels',
        ),
        (
            'encode_png',
            {'image_bytes': [png(IMAGES[0])[:50]]},
            '`image_bytes` must be intact: Invalid PNG data',
        ),
        (
            'encode_png',
            {'image_bytes': [png(IMAGES[0][:4])]},
            '`image_bytes` must be images of 8 x 8 pixels .width x height.; got 8 x 4',
        ),
    ],
)
def test_invalid_inputs_are_refused_with_a_message(export, unchecked, signature, changes, message):
    model, signatures, _, servable = export
    good = example_inputs(model, signatures, 1, seed=0)[signature]
    changes = {
        name: change(good[name]) if callable(change) else change for name, change in changes.items()
    }
    with pytest.raises(ServableError, match=message):
        # Like a server: the graph checks the shapes.
        unchecked(signature, {**good, **changes})
    servable(signature, good)


def test_missing_model_and_missing_signature(export, tmp_path):
    *_, servable = export
    with pytest.raises(ServableError, match='Could not find SavedModel'):
        Servable(tmp_path)
    with pytest.raises(
        ServableError, match="no signature 'invert'; available: bits_per_dim, decode"
    ):
        servable('invert', {})


@pytest.mark.slow
def test_verification_finds_a_wrong_weight(export, tmp_path):
    model, signatures, *_ = export
    outcome = expected_results(model, signatures)
    wrong = trained(small_wolf())
    actnorm = next(
        variable
        for path, variable in named_variables(wrong.flow)
        if path[-1].endswith('actnorm.bias') or path[-1] == 'bias'
    )
    actnorm.assign_add(tf.fill(actnorm.shape, 1e-3))
    freeze(wrong)
    write_saved_model(Signatures(wrong), str(tmp_path / '1'))
    with pytest.raises(
        RuntimeError, match='differs from the checkpoint; nothing was published.\n.*encode.v'
    ):
        check(str(tmp_path / '1'), outcome)
    (tmp_path / '1' / 'saved_model.pb').write_bytes(b'no model')
    with pytest.raises(RuntimeError, match='cannot be loaded or called'):
        check(str(tmp_path / '1'), outcome)


def test_verification_imports_neither_tfwolf_nor_tensorflow(export):
    _, _, folder, _ = export
    code = (
        CHILD[3]
        + '; sys.stderr.write(repr([name for name in ("tensorflow", "tfwolf", "keras", "gin") if '
        'name in sys.modules]))'
    )
    done = subprocess.run(
        [*CHILD[:3], code, CHILD[4], folder],
        input=pickle.dumps([]),
        capture_output=True,
        check=True,
    )
    assert done.stderr.decode().splitlines()[-1].endswith('[]') and pickle.loads(done.stdout) == []


def test_uninitialized_model_is_not_exported(tmp_path):
    with pytest.raises(RuntimeError, match='has not been initialized'):
        write_saved_model(Signatures(small_wolf()), str(tmp_path / '1'))
    assert not (tmp_path / '1').exists()


def test_warm_up_requests_equal_the_examples(export, tmp_path):
    model, signatures, _, servable = export
    examples = example_inputs(model, signatures, 1, seed=0)
    write_warmup(str(tmp_path), examples, 'wolf')
    write_examples(str(tmp_path), examples)
    logs = [
        prediction_log_pb2.PredictionLog.FromString(record.numpy())
        for record in tf.data.TFRecordDataset(str(tmp_path / WARMUP))
    ]
    assert {log.predict_log.request.model_spec.signature_name for log in logs} == NAMES
    for log in logs:
        name = log.predict_log.request.model_spec.signature_name
        inputs = {
            key: tf.make_ndarray(value) for key, value in log.predict_log.request.inputs.items()
        }
        example = {
            key: np.array(value, inputs[key].dtype)
            for key, value in read_example(str(tmp_path), name).items()
        }
        for key, value in inputs.items():
            np.testing.assert_array_equal(example[key], value)
        servable(name, inputs)
        assert (
            json.loads((tmp_path / 'examples' / f'{name}.json').read_text())['signature_name']
            == name
        )


@pytest.mark.slow
def test_benchmark_times_every_signature(export, tmp_path, monkeypatch):
    model, signatures, folder, _ = export
    write_examples(folder, example_inputs(model, signatures, 1, seed=0))
    monkeypatch.setattr(served, 'BATCH_SIZES', (1, 3))
    monkeypatch.setattr(served, 'CALLS', 1)
    result = served.time_export(os.path.dirname(folder))
    assert (
        result['folder'] == folder
        and result['load_seconds'] > 0
        and set(result['signatures']) == NAMES
    )
    for seconds in result['signatures'].values():
        assert (
            seconds['first_call_seconds'] > seconds['batch 1_seconds'] > 0
            and seconds['batch 3_seconds'] > 0
        )
    with pytest.raises(ValueError, match='has neither saved_model.pb nor'):
        find_version(str(tmp_path))


def test_versions_are_published_as_a_whole(tmp_path):
    folder = tmp_path / 'out'
    for expected in (1, 2):
        with new_version(str(folder)) as published:
            (type(tmp_path)(published.folder) / 'saved_model.pb').write_text('x')
            assert versions(str(folder)) == list(range(1, expected))
        assert (
            published.folder == str(folder / str(expected))
            and (folder / str(expected) / 'saved_model.pb').exists()
        )
    with pytest.raises(RuntimeError, match='broken'):
        with new_version(str(folder)):
            raise RuntimeError('broken')
    with pytest.raises(ValueError, match='2 already exists; nothing was written'):
        with new_version(str(folder), 2):
            pytest.fail('must not be entered')
    with new_version(str(folder), 7) as published:
        pass
    assert versions(str(folder)) == [1, 2, 7] and sorted(os.listdir(folder)) == ['1', '2', '7']
    (tmp_path / 'file').write_text('')
    with pytest.raises(ValueError, match='is not writable'):
        with new_version(str(tmp_path / 'file' / 'out')):
            pytest.fail('must not be entered')


@pytest.mark.parametrize(
    'make', [small_wolf, functools.partial(small_flow_alone, 'glow')], ids=['wolf', 'glow']
)
def test_jax_runs_the_stablehlo_export(tmp_path, make):
    pytest.importorskip('jax', reason='JAX is not installed')
    model = trained(make())
    signatures = Signatures(model)
    with new_folder(str(tmp_path / 'out')) as published:
        write_stablehlo(signatures, published.folder, [2])
    with pytest.raises(ValueError, match='already exists and is not an empty folder'):
        with new_folder(str(tmp_path / 'out')):
            pytest.fail('must not be entered')
    inputs = {
        name: dict(values) for name, values in example_inputs(model, signatures, 2, seed=0).items()
    }
    for name, size in (('alphas', 5), ('betas', 11)):
        if name in inputs['interpolate']:
            inputs['interpolate'][name] = np.tile(np.linspace(0, 1, size, dtype=np.float32), (2, 1))
    names = NAMES & set(signatures.all) - {
        'serving_default',
        'encode_png',
        'decode_png',
        'sample_png',
    }
    np.savez(
        tmp_path / 'inputs.npz',
        **{f'{name}.{key}': value for name in names for key, value in inputs[name].items()},
    )
    code = (
        'import sys, numpy as np; sys.path.insert(0, "out"); import load_with_jax; given = '
        'np.load("inputs.npz"); results = {}\n'
        'for name, function in load_with_jax.load("out", 2).items():\n'
        '    inputs = {key.split(".")[1]: given[key] for key in given if key.startswith(name + '
        '".")}\n'
        '    results.update({f"{name}.{key}": value for key, value in '
        'function(**inputs).items()})\n'
        'np.savez("results.npz", **results); assert "tensorflow" not in sys.modules'
    )
    subprocess.run(
        [sys.executable, '-c', code],
        cwd=tmp_path,
        check=True,
        env={**os.environ, 'JAX_PLATFORMS': 'cpu'},
    )
    results = np.load(tmp_path / 'results.npz')
    assert {key.split('.')[0] for key in results} == names
    for key in results:
        name, output = key.split('.')
        found = verification.difference(
            name, output, signatures.all[name](inputs[name])[output], results[key]
        )
        assert found.is_good, str(found)
