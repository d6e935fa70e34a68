"""Evaluation of everything but the likelihood: provenance, reconstruction, samples, outliers."""

import collections
import contextlib
import io
import math

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from support.damage import damaged
from support.small_models import random_images, small_wolf
from tfwolf.bijectors.composite import walk_leaves
from tfwolf.core.variables import named_variables
from tfwolf.data.array_split import ArraySplit
from tfwolf.data.fingerprint import data_fingerprint
from tfwolf.evaluation import resume_cache
from tfwolf.evaluation.assessment import Assessment
from tfwolf.evaluation.evaluators import UnusualImages
from tfwolf.evaluation.invertibility import invertibility_report, worst_layers
from tfwolf.evaluation.likelihood import summarize
from tfwolf.evaluation.numerics import (
    TEMPERATURES,
    finite_samples,
    non_finite_samples,
    reconstruction_errors,
)
from tfwolf.evaluation.outliers import (
    coded_bits_per_dim,
    extreme_images,
    likelihood_caveat,
    typicality,
)
from tfwolf.evaluation.provenance import software_versions
from tfwolf.evaluation.resume_cache import ResumeCache
from tfwolf.training.strategy import make_strategy

IMAGES = random_images(16)


def split(images):
    """Return images as a `Split`."""
    return ArraySplit(lambda: (images, None), len(images), images.shape[1:])


def test_a_fingerprint_depends_on_every_pixel_and_the_order():
    other = IMAGES.copy()
    other[-1, -1, -1, -1] ^= 1
    prints = {
        data_fingerprint(split(images)) for images in (IMAGES, other, IMAGES[::-1], IMAGES[:15])
    }
    assert len(prints) == 4 and data_fingerprint(split(IMAGES.copy())) == data_fingerprint(
        split(IMAGES)
    )
    assert software_versions()['tensorflow'] == tf.__version__


def test_a_working_model_reconstructs_exactly_and_its_samples_are_finite():
    for num_bits in (8, 5):
        model = small_wolf(images=IMAGES, num_bits=num_bits)
        errors = reconstruction_errors(model, IMAGES)
        assert (
            errors['num_not_exact'] == errors['max_pixel_error'] == 0
            and 0 < errors['max_round_trip_error'] < 1e-4
        )
        assert non_finite_samples(model, 8, seed=0) == {
            str(temperature): 0.0 for temperature in TEMPERATURES
        }


def test_the_exploding_layer_is_named_and_weights_do_not_change():
    model = small_wolf(images=IMAGES)
    z, names = tf.zeros([1, 4]), []

    def note(path, layer, x):
        names.append('.'.join(('flow', *path)))
        return layer.forward_and_log_det(x, z)[0]

    walk_leaves(model.flow, note, tf.zeros([1, 8, 8, 3]))
    stacked = next(
        variable
        for path, variable in named_variables(model.flow)
        if path[-1] == 'layers.0.log_scale'
    )
    stacked.assign(stacked - 12.0)
    before = [np.asarray(tf.convert_to_tensor(variable)) for _, variable in named_variables(model)]
    report = invertibility_report(model, IMAGES, seed=0)
    assert [row['layer'] for row in report] == names
    worst = worst_layers(report, 1)[0]
    assert (
        worst['kind'] == 'ActNorm'
        and worst['layer'] == names[0]
        and worst['inverse_gain'] > math.exp(8)
    )
    for old, (path, variable) in zip(before, named_variables(model)):
        np.testing.assert_array_equal(old, tf.convert_to_tensor(variable), err_msg=str(path))


def test_gains_that_are_not_finite_come_first():
    report = [
        {'layer': name, 'inverse_gain': gain}
        for name, gain in (('a', 2.0), ('b', math.nan), ('c', math.inf), ('d', 1.0))
    ]
    assert [row['layer'] for row in worst_layers(report, 4)][2:] == ['a', 'd']


def test_samples_that_are_not_finite_are_counted():
    model = small_wolf(images=IMAGES, latent=None)
    bias = next(
        variable for path, variable in named_variables(model.flow) if path[-1] == 'layers.0.bias'
    )
    bias.assign(tf.fill(bias.shape, np.inf))
    assert set(non_finite_samples(model, 4, seed=0).values()) == {1.0}
    assert finite_samples(model, 4, seed=0).num_examples == 0


def test_likelihoods_that_are_not_finite_are_counted_and_not_dropped():
    terms = np.ones([2, 4, 4])
    terms[1, 2, 0] = np.inf
    result = summarize(terms, 10)
    assert result['num_not_finite'] == 1 and not math.isfinite(result['bits_per_dim'])
    assert summarize(terms[:, :2], 10)['num_not_finite'] == 0


def test_typicality_is_a_distance_in_both_directions():
    samples = np.array([1.0, 2.0, 3.0, np.nan])
    np.testing.assert_allclose(typicality(np.array([2.0, 0.0, 5.0]), samples), [0, -2, 3])
    with pytest.raises(ValueError, match='at least two finite values; got 1 of 2'):
        typicality(np.array([2.0]), np.array([1.0, np.inf]))


@pytest.mark.parametrize('channels', [1, 2, 3])
def test_lossless_length_grows_with_complexity(channels):
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, [32, 32, channels], dtype=np.uint8)
    ramp = np.broadcast_to(np.arange(0, 256, 8, dtype=np.uint8)[:, None], [32, 32])[
        ..., None
    ].repeat(channels, -1)
    lengths = coded_bits_per_dim(np.stack([np.full_like(noise, 7), ramp, noise]), num_bits=8)
    assert abs(lengths[0]) < 0.2 < lengths[1] + 0.2 and lengths[1] < 1 and 7.9 < lengths[2] < 8.2
    assert coded_bits_per_dim(noise[None], num_bits=2)[0] < 3
    if channels == 3:
        file, blank = io.BytesIO(), io.BytesIO()
        Image.fromarray(noise).save(file, 'PNG', optimize=True)
        Image.fromarray(np.zeros_like(noise)).save(blank, 'PNG', optimize=True)
        assert lengths[2] <= 8 * (file.tell() - blank.tell()) / noise.size
    correlation, line = likelihood_caveat(lengths + 1, lengths)
    assert correlation == pytest.approx(1) and '1.00' in line


class Stop(Exception):
    """Raised in place of Ctrl-C."""


@pytest.mark.parametrize(
    'num_updates', [3, *(pytest.param(number, marks=pytest.mark.slow) for number in (1, 5, 7))]
)
def test_an_interrupted_evaluation_resumes_to_the_same_result(tmp_path, num_updates):
    model = small_wolf(images=IMAGES)
    done = []

    def evaluate(name, stop_after=None):
        cache = ResumeCache(tmp_path / f'{name}.npz', {'seed': 3})
        done.clear()

        @contextlib.contextmanager
        def progress(description, total, initial):
            def update(count):
                done.append(count)
                if len(done) == stop_after:
                    raise Stop

            assert initial <= total
            yield update

        assessment = Assessment(
            model, split(IMAGES), 6, 2, 3, make_strategy('one_device'), cache, progress
        )
        try:
            return {**assessment.likelihood(), **UnusualImages(7)(assessment), **assessment.columns}
        except Stop:
            cache.save()

    whole = evaluate('whole')
    num_batches = len(done)
    assert num_batches == 3 + 2 + 3
    assert evaluate('stopped', num_updates) is None
    resumed = evaluate('stopped')
    assert len(done) == num_batches - num_updates
    assert whole.keys() == resumed.keys()
    for name, value in whole.items():
        np.testing.assert_equal(resumed[name], value)


def test_a_cache_of_another_evaluation_or_a_damaged_one_is_ignored(tmp_path):
    path = tmp_path / 'cache.npz'
    cache = ResumeCache(path, {'seed': 0})
    for number in range(12):
        cache.append('a b/c', np.full(2, number))
    cache.save()
    rows = ResumeCache(path, {'seed': 0}).rows('a b/c')
    np.testing.assert_array_equal(rows, np.arange(12)[:, None] + np.zeros([1, 2], int))
    assert ResumeCache(path, {'seed': 1}).rows('a b/c') == []
    path.write_bytes(path.read_bytes()[:50])
    damaged = ResumeCache(path, {'seed': 0})
    assert damaged.rows('a b/c') == []
    damaged.remove()
    damaged.remove()
    assert not path.exists()


def test_damage_of_a_cache_never_changes_its_rows(tmp_path):
    path, rows = tmp_path / 'cache.npz', np.random.default_rng(0).normal(size=(6, 2, 3))
    cache = ResumeCache(path, {'seed': 0})
    for row in rows:
        cache.append('images', row)
        cache.append('file lengths', row[0])
    cache.save()
    whole = path.read_bytes()
    outcomes = collections.Counter()
    for content in damaged(whole, 400):
        path.write_bytes(content)
        found = ResumeCache(path, {'seed': 0})
        kept = found.rows('images'), found.rows('file lengths')
        outcomes[len(kept[0])] += 1
        if kept != ([], []):
            np.testing.assert_array_equal(kept[0], rows)
            np.testing.assert_array_equal(kept[1], rows[:, 0])
    # Only an intact file has rows: that of this test's own control.
    assert outcomes == {0: sum(outcomes.values()) - 1, 6: 1}


def test_a_cache_that_cannot_be_written_does_not_end_the_evaluation(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(resume_cache, 'SECONDS_BETWEEN_SAVES', -1.0)
    folder = tmp_path / 'cache.npz'
    folder.mkdir()
    cache = ResumeCache(folder, {})
    for number in range(3):
        cache.append('images', np.full(2, number))
    cache.remove()
    assert len(cache.rows('images')) == 3 and folder.is_dir()
    assert capsys.readouterr().err.count('could not be written') == 1


def test_extreme_images_are_as_many_of_both_kinds():
    most, least = extreme_images(np.array([3.0, 1.0, 2.0, 1.0, 5.0]), most=8)
    assert most.tolist() == [1, 3] and least.tolist() == [4, 0], 'at most half'
    most, least = extreme_images(np.arange(40.0))
    assert most.tolist() == list(range(8)) and least.tolist() == list(range(39, 31, -1))
    assert [part.tolist() for part in extreme_images(np.array([2.0]))] == [[0], [0]]
    with pytest.raises(ValueError, match='`bits_per_dim` must have at least one image; got none'):
        extreme_images(np.array([]))
