"""The result of an evaluation as one screen of text."""

import math

import numpy as np
import pytest

from support.small_models import random_images, small_class_model, small_wolf
from tfwolf.data.array_split import ArraySplit
from tfwolf.evaluation.assessment import Assessment
from tfwolf.evaluation.evaluators import NumericalChecks, UnusualImages
from tfwolf.evaluation.likelihood import summarize
from tfwolf.evaluation.resume_cache import ResumeCache
from tfwolf.evaluation.summary import MAX_LINES, as_text
from tfwolf.evaluation.summary_rows import COLLAPSED_KL_NATS, WIDTH
from tfwolf.training.strategy import make_strategy

ABOUT = {
    'dataset': 'digits',
    'dataset_version': '1.0.0',
    'split': 'test',
    'checkpoint': 'ckpt-1000',
    'weights': 'averaged',
    'seed': 3,
}
DIAGNOSTICS = {
    'reconstruction': {
        'num_images': 64,
        'num_not_exact': 3,
        'max_pixel_error': 17,
        'mean_pixel_error': 0.1,
        'max_round_trip_error': 0.02,
    },
    'non_finite_samples': {'0.7': 0.0, '0.8': 0.001, '0.9': 0.016, '1.0': 13 / 64},
    'invertibility': [
        {
            'layer': f'flow.{number}.' + '.'.join(['inner'] * 12),
            'kind': 'InvertibleConv1x1',
            'round_trip_error': 1e-3 * number,
            'inverse_gain': gain,
        }
        for number, gain in enumerate([2.0, math.nan, math.inf, 3e5, 1.0, 7.0, 5.0])
    ],
    'typicality': {
        'num_samples': 64,
        'samples_bits_per_dim': 3.0,
        'samples_bits_per_dim_std': 0.1,
        'mean_distance': -2.5,
        'mean_absolute_distance': 2.6,
        'share_outside_95_percent_of_samples': 0.5,
    },
    'complexity': {'coders': ['PNG'], 'rank_correlation': 0.9},
    'likelihood_caveat': 'Bits per dimension do not rank images. ' * 7,
}


def likelihood(num_samples=5, num_images=360, kl=4.0):
    """Return the summary of made-up terms of 64 dimensions."""
    terms = np.random.default_rng(0).normal(100, 5, [num_samples, num_images, 4])
    terms[..., 1], terms[..., 3] = kl, 0
    return summarize(terms, 64)


def lines_of(result):
    """Return the lines of the text of a result, after checking that it fits the screen."""
    lines = as_text(result).split('\n')
    assert len(lines) <= MAX_LINES == 24 and max(map(len, lines)) <= WIDTH == 80, '\n'.join(lines)
    assert all(line == line.rstrip() for line in lines)
    return lines


def line_with(result, label):
    """Return the line of a result that starts with a label."""
    (line,) = (line for line in lines_of(result) if line.startswith(label))
    return line


def test_a_full_result_fits_one_screen_and_shows_every_part():
    result = {**likelihood(), **ABOUT, **DIAGNOSTICS}
    text = '\n'.join(lines_of(result))
    assert text.startswith('digits 1.0.0, test: 360 images, K = 5 draws per image\n')
    assert 'ckpt-1000, averaged weights, seed 3, uniform dequantization' in text
    assert 'log q(u|x)' not in text
    low, high = result['bits_per_dim_interval_95']
    assert f'{result["bits_per_dim"]:.4f}  lower is better (95 %: {low:.4f} to {high:.4f})' in text
    assert f'{result["bits_per_dim_iwae"]:.4f}  importance-weighted' in text
    assert f'{result["iwae_gap_bits_per_dim"]:.4f} below the mean bound' in text
    assert '4.00 nats  2 % of the bound; z is used' in text
    assert '61 of 64  all must be exact; largest pixel error 17 of 255' in text
    assert '-2.50 std' in text and 'outside 95 % of own samples' in text
    assert '20 % not finite at T = 0.7: 0 %, 0.8: <1 %, 0.9: 2 %, 1.0: 20 %' in ' '.join(
        text.split()
    )
    # Gains that are not finite first, then the largest; long names are cut at the front.
    gains = [line.split()[1] for line in text.splitlines() if line.startswith('  gain')]
    assert gains[:4] == ['nan', 'inf', '3.0e+05', '7.0e+00'] or gains[:4] == [
        'inf',
        'nan',
        '3.0e+05',
        '7.0e+00',
    ]
    assert '...' in text and 'Bits per dimension do not rank images.' in text
    assert 'WARNING' not in text


@pytest.mark.parametrize(
    'kl, has_posterior, meaning',
    [
        (COLLAPSED_KL_NATS / 2, True, 'posterior collapse'),
        (COLLAPSED_KL_NATS / 2, None, 'posterior collapse'),
        (COLLAPSED_KL_NATS, True, 'z is used'),
        (0.0, True, 'posterior collapse'),
        (0.0, False, 'no encoder posterior'),
        (0.0, None, 'no encoder posterior'),
        (math.log(10), False, 'cost of the class label'),
    ],
)
def test_the_kl_is_explained(kl, has_posterior, meaning):
    result = likelihood(kl=kl)
    if has_posterior is not None:
        result['has_posterior'] = has_posterior
    assert meaning in line_with(result, 'KL of z')


def test_the_term_of_a_learned_dequantizer_is_shown():
    learned = {
        'dequantization': 'variational',
        'dequantizer_nats': 480.5,
        'dequantizer_bits_per_dim': 0.2256,
    }
    result = {**likelihood(), **ABOUT, **DIAGNOSTICS, **learned}
    assert '480.50 nats  0.2256 bits/dim of the bound' in line_with(result, 'log q(u|x)')
    assert 'seed 3, variational dequantization' in '\n'.join(lines_of(result))


def test_likelihoods_that_are_not_finite_are_warned_of():
    terms = np.ones([2, 4, 4])
    terms[0, 1] = math.inf
    result = {**summarize(terms, 10), **ABOUT, **DIAGNOSTICS}
    text = ' '.join('\n'.join(lines_of(result)).split())
    assert 'WARNING: the likelihood of 1 of 4 images is not finite' in text
    assert 'the layers above show where' in text
    del result['invertibility']
    assert 'the layers above' not in as_text(result) and 'which ones.' in as_text(result)


def test_a_result_may_lack_parts():
    bare = likelihood(num_samples=1, num_images=1)
    lines = lines_of(bare)
    assert lines[0] == '1 image, K = 1 draw per image'
    assert 'one image' in line_with(bare, 'bits/dim') and 'K > 1' in line_with(bare, 'IW bound')
    assert len(lines) == 5 and lines[1] == ''
    unknown = {**bare, 'typicality': {'num_samples': 1}}
    assert 'fewer than two samples' in line_with(unknown, 'typicality')
    for name in DIAGNOSTICS:
        lines_of({**bare, name: DIAGNOSTICS[name]})


def test_results_of_custom_evaluators_are_shown_where_there_is_room():
    own = {'brightness': 12.3456789, 'table': [1, 2], 'name': 'x' * 100}
    lines = lines_of({**likelihood(), **own})
    assert 'brightness: 12.3457' in lines and 'x' * 50 in lines[-1] and 'table' not in str(lines)
    many = {f'number_{index}': index for index in range(40)}
    assert 'number_0: 0' in lines_of({**likelihood(), **many})
    lines_of({**likelihood(), **DIAGNOSTICS, **many})


@pytest.mark.parametrize('kind', ['flow', None, 'classes'])
def test_what_evaluators_return_can_be_shown(tmp_path, kind):
    images, labels = random_images(8), np.arange(8) % 3
    model = small_class_model() if kind == 'classes' else small_wolf(images=images, latent=kind)
    assessment = Assessment(
        model,
        ArraySplit(lambda: (images, labels), 8, images.shape[1:]),
        8,
        2,
        0,
        make_strategy('one_device'),
        ResumeCache(tmp_path / 'cache.npz', {}),
        no_progress,
    )
    result = assessment.likelihood()
    assert result['has_posterior'] == (kind == 'flow')
    for evaluator in (UnusualImages(4), NumericalChecks(4)):
        result.update(evaluator(assessment))
    text = '\n'.join(lines_of({**result, **ABOUT}))
    for part in ('exact images', '4 of 4', 'typicality', 'broken samples', 'gain', 'rank images'):
        assert part in text
    assert ('no encoder posterior' in text) == (kind != 'flow')


class no_progress:
    """Stand-in for a progress bar."""

    def __init__(self, description, total, done):
        pass

    def __enter__(self):
        return lambda count: None

    def __exit__(self, *error):
        pass
