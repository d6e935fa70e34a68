"""The Frechet distance against closed forms and scipy, the extractors it stands on, and the
command.
"""

import tarfile

import numpy as np
import pytest
import scipy.linalg
import tensorflow as tf
from PIL import Image

from support.small_models import random_images
from support.tool_runs import result, run_tool
from tfwolf.metrics.feature_moments import FeatureMoments, load_moments, save_moments
from tfwolf.metrics.frechet import (
    Moments,
    RunningMoments,
    frechet_distance,
    frechet_distance_of_features,
)
from tfwolf.metrics.image_features import make_extractor
from tfwolf.metrics.inception import INCEPTION_2015, KERAS_INCEPTION


def moments_of(features):
    running = RunningMoments()
    running.add(features)
    return running.moments()


def random_covariance(dim, rank, seed):
    factor = np.random.default_rng(seed).standard_normal((dim, rank))
    return factor @ factor.T / rank


def test_a_set_has_no_distance_to_itself_and_a_shift_has_its_square():
    features = np.random.default_rng(0).standard_normal((500, 20)) * np.linspace(0.1, 3, 20)
    shift = np.linspace(-1, 2, 20)
    assert frechet_distance(moments_of(features), moments_of(features)) < 1e-9
    assert frechet_distance(moments_of(features), moments_of(features + shift)) == pytest.approx(
        shift @ shift, rel=1e-9
    )
    assert frechet_distance(
        moments_of(features), moments_of(3 * features - 2 * features.mean(axis=0))
    ) == pytest.approx(4 * np.trace(moments_of(features).covariance), rel=1e-9)


def test_commuting_covariances_have_a_closed_form():
    rotation = np.linalg.qr(np.random.default_rng(0).standard_normal((6, 6)))[0]
    a, b = np.array([0, 1e-6, 1, 2, 3, 4.0]), np.array([5, 0, 1, 9, 0.5, 2.0])
    first, second = (Moments(10, np.zeros(6), rotation * values @ rotation.T) for values in (a, b))
    assert frechet_distance(first, second) == pytest.approx(
        ((np.sqrt(a) - np.sqrt(b)) ** 2).sum(), rel=1e-9
    )


@pytest.mark.parametrize('counts', [(7, 9), (40, 30)])
def test_the_distance_of_features_is_that_of_their_moments(counts):
    """For fewer and for more images than features."""
    random = np.random.default_rng(0)
    first, second = (
        random.normal(number, 1 + number, [count, 12]) for number, count in enumerate(counts)
    )
    found = frechet_distance_of_features(first, second)
    assert found == pytest.approx(frechet_distance(moments_of(first), moments_of(second)), rel=1e-6)
    assert frechet_distance_of_features(first, first) < 1e-9
    with pytest.raises(ValueError, match='must be .num_images, dim. of the same dim'):
        frechet_distance_of_features(first, second[:, 1:])
    with pytest.raises(ValueError, match='at least two images; got 1 and'):
        frechet_distance_of_features(first[:1], second)


@pytest.mark.parametrize('rank', [12, 5])
def test_the_distance_is_that_of_the_matrix_square_root(rank):
    random = np.random.default_rng(1)
    # A touch of the identity: scipy's root of a singular product is not to be relied on.
    covariances = [random_covariance(12, rank, seed) + 1e-3 * np.eye(12) for seed in (0, 1)]
    means = random.standard_normal((2, 12))
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1])
    expected = ((means[0] - means[1]) ** 2).sum() + np.trace(
        covariances[0] + covariances[1] - 2 * root.real
    )
    found = frechet_distance(
        *(Moments(9, mean, covariance) for mean, covariance in zip(means, covariances))
    )
    assert found == pytest.approx(expected, rel=1e-8)


def test_singular_covariances_are_exact():
    direction = np.array([3.0, 4.0]) / 5
    first = Moments(5, np.zeros(2), 4 * np.outer(direction, direction))
    second = Moments(5, np.zeros(2), 9 * np.outer(direction, direction))
    assert frechet_distance(first, second) == pytest.approx(1.0, rel=1e-9)
    across = Moments(5, np.zeros(2), np.outer([-0.8, 0.6], [-0.8, 0.6]))
    assert frechet_distance(first, across) == pytest.approx(5.0, rel=1e-9)
    with pytest.raises(ValueError, match='same number of features; got 2 and 3'):
        frechet_distance(first, Moments(5, np.zeros(3), np.eye(3)))


def test_moments_in_batches_are_those_of_all_and_do_not_cancel():
    features = np.random.default_rng(0).standard_normal((1000, 7)) + 1e6
    running = RunningMoments()
    for part in np.split(features, [1, 300, 640]):
        running.add(part)
    found = running.moments()
    assert found.count == 1000
    np.testing.assert_allclose(found.mean, features.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(features.T), rtol=1e-6, atol=1e-6)
    with pytest.raises(ValueError, match=r'must be \[num_images, 7\].*got \(2, 3\)'):
        running.add(np.zeros((2, 3)))
    with pytest.raises(ValueError, match='not finite, in 1 of 2 images'):
        running.add(np.array([[0.0] * 7, [np.inf] * 7]))
    with pytest.raises(ValueError, match='at least two images; got 0'):
        RunningMoments().moments()


def made_up_inception(path):
    """Writes a graph with the names of the Inception graph of 2015: one JPEG in, enlarged, scaled,
    pooled to 2,048 numbers.
    """
    graph = tf.Graph()
    with graph.as_default():
        picture = tf.compat.v1.placeholder(tf.uint8, [None, None, 3], name='DecodeJpeg')
        expanded = tf.expand_dims(tf.cast(picture, tf.float32), 0, name='ExpandDims')
        enlarged = tf.compat.v1.image.resize_bilinear(expanded, [16, 16], name='ResizeBilinear')
        scaled = (enlarged - 128.0) * (1 / 128)
        kernel = tf.constant(np.random.default_rng(0).standard_normal((1, 1, 3, 2048)), tf.float32)
        tf.nn.avg_pool2d(tf.nn.conv2d(scaled, kernel, 1, 'VALID'), 16, 1, 'VALID', name='pool_3')
    definition = graph.as_graph_def()
    # Batch norm as one op, which ended with version 9 and the real graph is full of.
    definition.versions.producer = 8
    pool = next(node for node in definition.node if node.name == 'pool_3')
    norm = definition.node.add(name='norm', op='BatchNormWithGlobalNormalization')
    norm.input.append(pool.input[0])
    for name, value in (('mean', 0.0), ('variance', 1.0), ('beta', 0.0), ('gamma', 1.0)):
        constant = definition.node.add(name=f'norm/{name}', op='Const')
        constant.attr['dtype'].type = tf.float32.as_datatype_enum
        constant.attr['value'].tensor.CopyFrom(
            tf.make_tensor_proto(np.full(2048, value, np.float32))
        )
        norm.input.append(constant.name)
    norm.attr['T'].type = tf.float32.as_datatype_enum
    norm.attr['variance_epsilon'].f = 1e-6
    norm.attr['scale_after_normalization'].b = True
    pool.input[0] = 'norm'
    path.write_bytes(definition.SerializeToString())


def test_the_graph_of_2015_takes_batches(tmp_path):
    path = tmp_path / 'classify_image_graph_def.pb'
    made_up_inception(path)
    extractor = make_extractor('inception2015', str(path))
    images = random_images(5)
    features = extractor(images)
    assert (
        features.shape == (5, 2048)
        and extractor.comparable
        and len(extractor.identity['weights_sha256']) == 64
    )
    kernel = np.random.default_rng(0).standard_normal((3, 2048))
    # The graph's own enlargement: corners as in TensorFlow 1.
    enlarged = tf.compat.v1.image.resize_bilinear(tf.constant(images, tf.float32), [16, 16]).numpy()
    np.testing.assert_allclose(
        features, ((enlarged - 128) / 128).mean(axis=(1, 2)) @ kernel, atol=1e-4
    )
    np.testing.assert_allclose(extractor(images[3:]), features[3:], atol=1e-5)
    grey = random_images(3, (8, 8, 1))
    np.testing.assert_allclose(extractor(grey), extractor(grey.repeat(3, axis=-1)))
    archive = tmp_path / INCEPTION_2015
    with tarfile.open(archive, 'w:gz') as file:
        file.add(path, './classify_image_graph_def.pb')
    np.testing.assert_allclose(make_extractor('inception2015', str(archive))(images), features)


def test_missing_and_wrong_weights_are_told_with_their_address(tmp_path, monkeypatch):
    monkeypatch.setenv('KERAS_HOME', str(tmp_path))
    for name, file, host in (
        ('inception2015', INCEPTION_2015, 'download.tensorflow.org'),
        ('keras', KERAS_INCEPTION, 'storage.googleapis.com'),
    ):
        with pytest.raises(ValueError, match=f'no {file}.* in {tmp_path}/models.*{host}'):
            make_extractor(name)
        with pytest.raises(ValueError, match="There is no file 'nowhere'"):
            make_extractor(name, 'nowhere')
    (tmp_path / 'models').mkdir()
    for name, file in (('inception2015', INCEPTION_2015), ('keras', KERAS_INCEPTION)):
        (tmp_path / 'models' / file).write_bytes(b'not weights')
        with pytest.raises(ValueError, match='It is published at'):
            make_extractor(name)


@pytest.mark.slow
def test_keras_inception_reads_a_file_of_weights(tmp_path):
    import keras

    keras.utils.set_random_seed(0)
    network = keras.applications.InceptionV3(
        include_top=False, weights=None, pooling='avg', input_shape=(299, 299, 3)
    )
    network.save_weights(tmp_path / 'w.weights.h5')
    extractor = make_extractor('keras', str(tmp_path / 'w.weights.h5'))
    images = random_images(2)
    enlarged = tf.image.resize(tf.constant(images, tf.float32), [299, 299])
    np.testing.assert_allclose(
        extractor(images), network(enlarged / 127.5 - 1), rtol=1e-3, atol=1e-5
    )
    assert not extractor.comparable


def test_a_function_of_ones_own_can_be_named(tmp_path, monkeypatch):
    (tmp_path / 'own_features.py').write_text(
        'def brightness(images):\n    return images.mean(axis=(1, 2))\n\n\ndef wrong(images):\n   '
        ' return 3.0\n'
    )
    monkeypatch.chdir(tmp_path)
    images = random_images(4)
    np.testing.assert_allclose(
        make_extractor('own_features:brightness')(images), images.mean(axis=(1, 2))
    )
    with pytest.raises(ValueError, match=r'must be \[batch, dim\]'):
        make_extractor('own_features:wrong')(images)
    for name, message in (
        ('own_features:nothing', "has no function 'nothing'"),
        ('no_such_module:f', 'cannot be imported'),
        ('inception', "must be 'inception2015', 'keras', 'pixels' or 'module:function'"),
    ):
        with pytest.raises(ValueError, match=message):
            make_extractor(name)
    with pytest.raises(ValueError, match='dim at most 8,192'):
        make_extractor('pixels')(np.zeros((2, 64, 64, 3), np.uint8))
    np.testing.assert_allclose(make_extractor('pixels')(images), images.reshape(4, -1) / 255)


def test_statistics_of_other_features_are_not_mixed(tmp_path):
    found = FeatureMoments(
        Moments(3, np.zeros(2), np.eye(2)), make_extractor('pixels').identity, {'dataset': 'x'}
    )
    save_moments(str(tmp_path / 'a.npz'), found)
    again = load_moments(str(tmp_path / 'a.npz'))
    np.testing.assert_array_equal(again.moments.covariance, np.eye(2))
    again.check_same_extractor(make_extractor('pixels').identity)
    with pytest.raises(ValueError, match='name: pixels there, keras here; resize: none there'):
        again.check_same_extractor({'name': 'keras', 'weights_sha256': None, 'resize': 'bilinear'})
    (tmp_path / 'a.npz').write_bytes(b'nothing')
    with pytest.raises(ValueError, match='cannot be read as statistics of features'):
        load_moments(str(tmp_path / 'a.npz'))


@pytest.fixture(scope='module')
def test_images():
    from tfwolf.data.digits import load_digits

    return load_digits(0.1).test.load(np.arange(360))['image'].numpy()


def test_the_command_measures_samples_and_keeps_statistics(tiny_run, tmp_path, test_images):
    statistics = tmp_path / 'digits.npz'
    flags = [
        f'--train_dir={tiny_run}',
        '--features=pixels',
        '--num_samples=200',
        '--temperature_v=0.5',
    ]
    printed, _ = run_tool(
        'fid',
        *flags,
        '--split=test',
        f'--save_statistics={statistics}',
        f'--output_dir={tmp_path}/a',
    )
    found = result(tmp_path / 'a')
    assert (
        'not comparable with distances in papers' in printed
        and found['comparable_with_papers'] is False
        and 'paper' not in found
    )
    assert (
        found['num_images'],
        found['num_reference'],
        found['num_features'],
        found['temperature_v'],
    ) == (200, 360, 64, 0.5)
    assert (
        found['extractor'] == {'name': 'pixels', 'weights_sha256': None, 'resize': 'none'}
        and found['num_not_finite'] == 0
    )
    run_tool('fid', *flags, f'--reference_statistics={statistics}', f'--output_dir={tmp_path}/b')
    assert result(tmp_path / 'b')['frechet_distance'] == pytest.approx(
        found['frechet_distance'], rel=1e-12
    )
    run_tool(
        'sample',
        f'--train_dir={tiny_run}',
        '--num_samples=200',
        '--temperature_v=0.5',
        '--save=npz',
        f'--output_dir={tmp_path}/samples',
    )
    with np.load(tmp_path / 'samples' / 'samples.npz') as archive:
        samples = archive['images']
    expected = frechet_distance(
        *(moments_of(images.reshape(len(images), -1) / 255) for images in (samples, test_images))
    )
    assert found['frechet_distance'] == pytest.approx(expected, rel=1e-3)
    _, error = run_tool(
        'fid',
        f'--train_dir={tiny_run}',
        '--features=support.small_models:random_images',
        f'--reference_statistics={statistics}',
        fails=True,
    )
    assert 'cannot be imported' in error or 'of other features' in error


def test_images_have_no_distance_to_themselves(tiny_run, tmp_path, test_images):
    np.savez(tmp_path / 'same.npz', images=test_images)
    folder = tmp_path / 'files'
    folder.mkdir()
    for number, image in enumerate(test_images):
        Image.fromarray(image[..., 0]).save(folder / f'{number}.png')
    for name, images in (('a', tmp_path / 'same.npz'), ('b', folder)):
        run_tool(
            'fid',
            f'--train_dir={tiny_run}',
            '--features=pixels',
            f'--images={images}',
            '--split=test',
            f'--output_dir={tmp_path}/{name}',
        )
        assert (
            result(tmp_path / name)['frechet_distance'] < 1e-8
            and result(tmp_path / name)['num_images'] == 360
        )


@pytest.mark.parametrize(
    'flags, message',
    [
        pytest.param(
            ['--features=pixels', '--num_reference=2000'],
            'must be at most 1,437',
            marks=pytest.mark.slow,
        ),
        pytest.param(['--features=pixels', '--images=nowhere'], 'nowhere', marks=pytest.mark.slow),
        (
            ['--features=pixels', '--images=x', '--num_samples=5'],
            '--images does not accept --num_samples',
        ),
        (
            ['--features=pixels', '--reference_statistics=x', '--split=test'],
            '--reference_statistics does not accept --split',
        ),
        (['--inception_weights=nowhere.pb'], 'download.tensorflow.org'),
    ],
)
def test_bad_input_is_told_in_words(tiny_run, tmp_path, flags, message):
    assert (
        message
        in run_tool(
            'fid', f'--train_dir={tiny_run}', f'--output_dir={tmp_path}/out', *flags, fails=True
        )[1]
    )
