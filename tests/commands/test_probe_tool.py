"""The probe: right on features whose accuracy is known, true to its protocols, and the command,
which computes features once.
"""

import math

import numpy as np
import pytest

from support.small_models import random_images, small_flow_alone, small_wolf
from support.tool_runs import result, run_tool
from tfwolf.analysis.coder import Coder
from tfwolf.data.array_split import ArraySplit
from tfwolf.data.digits import load_digits
from tfwolf.data.preprocess import to_unit_range
from tfwolf.metrics.probe import CLASSIFIERS, probe, wilson_interval_95
from tfwolf.metrics.probe_features import extract, labelled_images, load_features, save_features
from tfwolf.models.initialization import initialize


def gaussians(count, distance, seed, dim=5):
    """Returns features and labels of two classes, normal around points so far apart; the best
    accuracy is Phi(distance / 2).
    """
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, count)
    features = random.standard_normal((count, dim))
    features[:, 0] += distance * labels
    return features.astype(np.float32), labels


def quiet(line):
    pass


@pytest.mark.parametrize('protocol', ['paper', 'tuned'])
@pytest.mark.parametrize('classifier', CLASSIFIERS)
def test_accuracy_of_two_gaussians_is_the_one_known(classifier, protocol):
    found = probe(
        gaussians(2000, 2.0, 0), gaussians(8000, 2.0, 1), classifier, protocol, report=quiet
    )
    best = 0.5 * (1 + math.erf(1 / math.sqrt(2)))
    # Four standard errors of 8,000 test images, and what 2,000 training images leave to be learnt.
    assert best - 0.015 - 0.015 < found.accuracy < best + 0.015
    assert found.interval_95[0] < found.accuracy < found.interval_95[1] and found.converged
    assert (
        (found.C == 1.0 and found.searched == {})
        if protocol == 'paper'
        else found.C in found.searched
    )


def test_separable_classes_are_told_apart_and_noise_is_not():
    random = np.random.default_rng(0)
    labels = np.arange(300) % 3
    apart = (np.eye(3)[labels] * 10 + random.normal(0, 0.1, (300, 3)), labels)
    assert probe(apart, apart, report=quiet).accuracy == 1.0
    train, test = (
        (random.standard_normal((count, 4)), random.integers(0, 4, count)) for count in (1000, 4000)
    )
    assert (
        abs(probe(train, test, report=quiet).accuracy - 0.25)
        < 4 * math.sqrt(0.25 * 0.75 / 4000) + 0.01
    )


def test_only_the_tuned_protocol_standardizes():
    # What tells the classes apart is a million times smaller than what does not.
    (x, y), (x_test, y_test) = gaussians(600, 6.0, 0), gaussians(600, 6.0, 1)
    scale = np.array([1e-6, 1, 1, 1, 1])
    tuned = probe((x * scale, y), (x_test * scale, y_test), report=quiet)
    paper = probe((x * scale, y), (x_test * scale, y_test), protocol='paper', report=quiet)
    assert tuned.accuracy > 0.98 and paper.accuracy < 0.6


def test_the_search_finds_the_better_C_and_constant_features_do_no_harm():
    # Many useless features and few images want a small C.
    random = np.random.default_rng(0)
    x, y = gaussians(120, 2.5, 0, dim=2)
    x_test, y_test = gaussians(2000, 2.5, 1, dim=2)
    wide = [
        np.concatenate(
            [part, random.standard_normal((len(part), 200)), np.ones((len(part), 3))], axis=1
        )
        for part in (x, x_test)
    ]
    found = probe((wide[0], y), (wide[1], y_test), report=quiet)
    assert found.C < 0.1 and found.searched[found.C] == max(found.searched.values())
    assert list(found.searched) == sorted(found.searched)


def test_the_time_is_told_before_the_fit():
    lines = []
    found = probe(
        gaussians(4000, 2.0, 0, dim=30),
        gaussians(10, 2.0, 1, dim=30),
        protocol='paper',
        report=lines.append,
    )
    assert (
        'Fitting 4,000 images of 30 features takes about' in lines[-1]
        and found.estimated_seconds > 0
        and found.seconds > 0
    )
    assert (
        probe(
            gaussians(100, 2.0, 0), gaussians(10, 2.0, 1), protocol='paper', report=lines.append
        ).estimated_seconds
        is None
    )


def test_the_interval_is_wilsons():
    low, high = wilson_interval_95(0, 10)
    assert low == pytest.approx(0, abs=1e-12) and high == pytest.approx(0.2775, abs=1e-4)
    np.testing.assert_allclose(wilson_interval_95(50, 100), [0.4038, 0.5962], atol=1e-4)


@pytest.mark.parametrize(
    'train, test, message',
    [
        (
            (np.zeros((4, 2)), [0, 1, -1, 0]),
            (np.zeros((1, 2)), [0]),
            '`train` has images without a class label',
        ),
        (
            (np.zeros((4, 2)), [1, 1, 1, 1]),
            (np.zeros((1, 2)), [1]),
            'at least two classes; all 4 images are of class 1',
        ),
        (
            (np.zeros((4, 2)), [0, 1, 1, 1]),
            (np.zeros((1, 2)), [5]),
            r'no image of the classes \[5\]',
        ),
        (
            (np.zeros((4, 2)), [0, 1, 1, 1]),
            (np.zeros((1, 3)), [1]),
            'same number of features; got 2 and 3',
        ),
        (
            (np.full((4, 2), np.nan), [0, 1, 1, 1]),
            (np.zeros((1, 2)), [1]),
            'not finite, in 4 of 4 images',
        ),
        (
            (np.zeros((4, 2)), [0, 1, 1, 1]),
            (np.zeros((1, 2)), [1]),
            'needs at least 3 images of each class',
        ),
    ],
)
def test_what_cannot_be_probed_is_refused(train, test, message):
    with pytest.raises(ValueError, match=message):
        probe(train, test, report=quiet)


def test_features_are_what_the_model_computes():
    images = random_images(20)
    model = small_wolf(images=random_images(32))
    splits = [
        ArraySplit(lambda: (images[:13], np.arange(13)), 13, images.shape[1:]),
        ArraySplit(lambda: (images[13:], np.arange(7)), 7, images.shape[1:]),
    ]
    found, labels = extract(Coder(model, 6), splits, ['z', 'v', 'pixels'])
    z, v = model.encode(images)
    np.testing.assert_allclose(found['z'], z, atol=1e-5)
    np.testing.assert_allclose(found['v'], np.reshape(v, (20, -1)), atol=1e-4)
    np.testing.assert_array_equal(
        found['pixels'], np.reshape(to_unit_range(images, 8, 0.5, 'float32'), (20, -1))
    )
    np.testing.assert_array_equal(labels, [*range(13), *range(7)])
    without = small_flow_alone('glow')
    initialize(without, random_images(32), 0)
    with pytest.raises(ValueError, match='the model has no latent z'):
        extract(Coder(without, 6), splits, ['z'])


def test_all_labelled_images_but_the_test_images_train():
    digits = load_digits(0.1)
    train, test = labelled_images(digits)
    assert [split.num_examples for split in train] == [1293, 144] and [
        split.num_examples for split in test
    ] == [360]
    assert [split.num_examples for split in labelled_images(digits, 1300, 5)[0]] == [1293, 7]
    assert [split.num_examples for split in labelled_images(digits, 20)[0]] == [20]
    with pytest.raises(ValueError, match='`num_train` must be at most 1,437'):
        labelled_images(digits, 1438)


def test_kept_features_fit_or_are_made_anew(tmp_path):
    path = tmp_path / 'a.npz'
    save_features(path, np.ones((3, 2), np.float32), np.arange(3), 'key')
    features, labels = load_features(path, 'key')
    assert features.shape == (3, 2) and labels.tolist() == [0, 1, 2]
    assert (
        load_features(path, 'other') is None and load_features(tmp_path / 'none.npz', 'key') is None
    )
    path.write_bytes(path.read_bytes()[:-40])
    assert load_features(path, 'key') is None


@pytest.mark.slow
def test_the_command_keeps_features_for_a_second_classifier(tiny_run, tmp_path):
    out = tmp_path / 'out'
    printed, _ = run_tool('probe', f'--train_dir={tiny_run}', f'--output_dir={out}')
    assert '1,437 training and 360 test images' in printed
    assert 'Reusing saved features' not in printed
    found = result(out, 'svm-tuned')
    digits = load_digits(0.1)
    pixels = [
        np.concatenate(
            [
                np.reshape(
                    to_unit_range(
                        split.load(np.arange(split.num_examples))['image'], 4, 0.5, 'float32'
                    ),
                    (-1, 64),
                )
                for split in part
            ]
        )
        for part in ((digits.train, digits.validation), (digits.test,))
    ]
    labels = [
        np.concatenate([split.load(np.arange(split.num_examples))['label'] for split in part])
        for part in ((digits.train, digits.validation), (digits.test,))
    ]
    expected = probe((pixels[0], labels[0]), (pixels[1], labels[1]), report=quiet)
    assert (
        found['accuracy_pixels'] == pytest.approx(expected.accuracy)
        and found['accuracy_pixels'] > 0.9
    )
    assert (
        0.05 < found['accuracy_z'] < found['accuracy_pixels']
        and found['features']['pixels']['C'] == expected.C
    )
    assert found['num_train'] == 1437 and 'paper_accuracy_z' not in found
    before = {path: path.stat().st_mtime_ns for path in out.glob('*.npz')}
    assert len(before) == 6
    printed, _ = run_tool(
        'probe',
        f'--train_dir={tiny_run}',
        f'--output_dir={out}',
        '--classifier=logistic',
        '--features=z,pixels',
    )
    assert (
        printed.count('Reusing saved features: z, pixels') == 2
        and {path: path.stat().st_mtime_ns for path in out.glob('*.npz')} == before
    )
    assert (
        set(result(out, 'logistic-tuned')['features']) == {'z', 'pixels'}
        and result(out, 'svm-tuned') == found
    )


@pytest.mark.parametrize(
    'flags, message',
    [
        (['--features=w'], '--features must be some of z,v,pixels'),
        (['--num_train=2000'], '`num_train` must be at most 1,437'),
        (['--num_train=12'], '`train` has no image of the classes [0, 3, 4]'),
    ],
)
def test_bad_input_is_told_in_words(tiny_run, tmp_path, flags, message):
    assert (
        message
        in run_tool(
            'probe', f'--train_dir={tiny_run}', f'--output_dir={tmp_path}/out', *flags, fails=True
        )[1]
    )


def test_images_without_labels_are_refused(tiny_run, tmp_path):
    np.savez(tmp_path / 'plain.npz', images=random_images(40, (8, 8, 1)))
    _, error = run_tool(
        'probe',
        f'--train_dir={tiny_run}',
        f"--gin_param=dataset.source = 'npz:{tmp_path}/plain.npz'",
        fails=True,
    )
    assert 'plain has no class labels; a probe needs them.' in error
