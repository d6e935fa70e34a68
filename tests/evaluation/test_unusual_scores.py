"""Scores of unusual images, how well they tell sets apart, and artefacts of known kinds."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tfwolf.evaluation.auroc import auroc
from tfwolf.evaluation.corruptions import KINDS, parse_corruption

IMAGES = np.random.default_rng(0).integers(60, 200, (4, 12, 10, 3)).astype(np.uint8)


def test_auroc_is_that_of_scikit_learn():
    random = np.random.default_rng(1)
    usual, unusual = random.integers(0, 9, 60), random.integers(2, 12, 40)
    expected = roc_auc_score([0] * 60 + [1] * 40, np.concatenate([usual, unusual]))
    found = auroc(usual, unusual)
    np.testing.assert_allclose(found.value, expected, rtol=1e-12)
    assert found.low < expected < found.high


def test_the_interval_holds_the_true_value_in_about_95_of_100_cases():
    """Normal scores that are one standard deviation apart have an area of 0.7602."""
    random, inside = np.random.default_rng(2), 0
    for number in range(100):
        found = auroc(random.normal(0, 1, 60), random.normal(1, 1, 60), number, 200)
        inside += found.low < 0.760250 < found.high
    assert 87 <= inside <= 100


def test_scores_that_are_not_numbers_are_the_largest():
    assert auroc([1.0, 2.0], [np.nan, np.inf]).value == 1.0


@pytest.mark.parametrize(
    'usual, unusual, changes, message',
    [
        ([], [1.0], {}, '`usual` must be'),
        ([1.0], [[1.0]], {}, '`unusual` must be'),
        ([1.0], [1.0], {'num_resamples': 0}, 'num_resamples'),
    ],
)
def test_invalid_scores_are_rejected(usual, unusual, changes, message):
    with pytest.raises(ValueError, match=message):
        auroc(usual, unusual, **changes)


@pytest.mark.parametrize('text', ['noise:20', 'blur:1', 'patch:4', 'jpeg:70'])
@pytest.mark.parametrize('channels', [1, 2, 3])
def test_artefacts_change_images_and_keep_their_shape(text, channels):
    images = IMAGES[..., :channels]
    found = parse_corruption(text)(images, seed=3)
    assert found.shape == images.shape and found.dtype == np.uint8
    assert np.any(found != images, axis=(1, 2, 3)).all()
    np.testing.assert_array_equal(found, parse_corruption(text)(images, seed=3))


@pytest.mark.parametrize('kind', KINDS)
def test_a_larger_amount_changes_more(kind):
    small, large = (
        np.abs(parse_corruption(f'{kind}:{amount}')(IMAGES, 0) - IMAGES.astype(int)).mean()
        for amount in {'noise': (5, 20), 'blur': (0.4, 2), 'patch': (2, 8), 'jpeg': (5, 90)}[kind]
    )
    assert small < large


def test_a_patch_changes_one_square():
    changed = np.any(parse_corruption('patch:4')(IMAGES, 0) != IMAGES, axis=-1)
    for image in changed:
        rows, columns = np.nonzero(image)
        assert np.ptp(rows) < 4 and np.ptp(columns) < 4 and image.sum() > 12


@pytest.mark.parametrize(
    'text, message',
    [
        ('blurr:1', "one of noise:AMOUNT .*got 'blurr:1'.*blur"),
        ('blur', 'must be a number larger than 0'),
        ('noise:-1', 'standard deviation, of 255'),
        ('noise:nan', 'must be a number'),
    ],
)
def test_invalid_artefacts_are_rejected(text, message):
    with pytest.raises(ValueError, match=message):
        parse_corruption(text)


def test_artefacts_are_of_uint8_images():
    with pytest.raises(ValueError, match='`images` must be uint8'):
        parse_corruption('blur:1')(IMAGES.astype(np.float32), 0)
