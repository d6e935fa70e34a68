"""The distance of likelihoods: known values, chance, and invalid arguments."""

import numpy as np
import pytest
import scipy.stats

from tfwolf.evaluation.likelihood_distance import likelihood_distance


def test_it_is_the_area_between_the_distribution_functions():
    random = np.random.default_rng(0)
    bits, reference = random.normal(4.5, 0.5, 300), random.normal(4, 1, 200)
    grid = np.linspace(-2, 10, 120_001)
    shares = [
        np.searchsorted(np.sort(part), grid, 'right') / len(part) for part in (bits, reference)
    ]
    area = np.abs(shares[0] - shares[1]).sum() * (grid[1] - grid[0])
    found = likelihood_distance(bits, reference)
    assert found.distance == pytest.approx(area, abs=1e-3)
    assert found.ratio == pytest.approx(bits.mean() / reference.mean())
    assert found.ratio_low < found.ratio < found.ratio_high


def test_equal_means_have_a_distance_if_the_spread_differs():
    quantiles = np.linspace(0.001, 0.999, 500)
    narrow, wide = (scipy.stats.norm(4, std).ppf(quantiles) for std in (0.1, 1))
    found = likelihood_distance(narrow, wide)
    assert found.ratio == pytest.approx(1)
    # Both are symmetric: the distance is that of the mean absolute deviations.
    assert found.distance == pytest.approx(0.9 * np.sqrt(2 / np.pi), rel=0.02)
    assert found.distance > 5 * found.by_chance


def test_by_chance_holds_for_95_percent_of_sets_of_the_same_distribution():
    random = np.random.default_rng(0)
    exceeded = []
    for seed in range(100):
        found = likelihood_distance(
            random.normal(4, 0.7, 100), random.normal(4, 0.7, 100), seed, num_resamples=200
        )
        exceeded.append(found.distance > found.by_chance)
    # Binomial with 100 draws: below 15 with a probability of 99.99 %.
    assert np.sum(exceeded) < 15


@pytest.mark.parametrize(
    'bits, reference, message',
    [
        ([1.0], [1.0, 2.0], '`bits` must be .num_images., at least two; got .1.'),
        ([1.0, 2.0], [[1.0, 2.0]], '`reference_bits` must be .num_images., at least two'),
        ([1.0, np.inf], [1.0, 2.0], '`bits` must be finite; 1 of 2 values are not'),
    ],
)
def test_invalid_sets_are_refused(bits, reference, message):
    with pytest.raises(ValueError, match=message):
        likelihood_distance(bits, reference)


def test_a_seed_gives_the_same_result():
    sets = np.arange(5.0), np.arange(7.0)
    assert likelihood_distance(*sets, seed=1) == likelihood_distance(*sets, seed=1)
    assert likelihood_distance(*sets, seed=1) != likelihood_distance(*sets, seed=2)
