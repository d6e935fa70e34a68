"""The numbers of plots: calibration of v, use of z, quality of samples, against known values."""

import numpy as np
import pytest
import scipy.stats

from support.small_models import SHAPE, random_images, small_flow_alone, stirred_wolf
from tfwolf.analysis.coder import Coder
from tfwolf.analysis.sampling import draw_samples
from tfwolf.core import seeds
from tfwolf.data.array_split import ArraySplit
from tfwolf.evaluation.calibration import (
    PROBABILITIES,
    calibration,
    known_probabilities,
    levels,
    noisy_v,
    normal_quantiles,
    spatial_correlation,
)
from tfwolf.evaluation.latent_use import latent_use
from tfwolf.evaluation.sample_quality import (
    bits_of_split,
    quality_by_temperature,
    total_variation,
)
from tfwolf.models.initialization import initialize
from tfwolf.training.strategy import make_strategy


@pytest.fixture(scope='module')
def model():
    return stirred_wolf()


def test_normal_noise_is_calibrated_at_every_level():
    v = np.random.default_rng(0).normal(size=(500, 8, 8, 3))
    depth = np.zeros((8, 8, 3), int)
    depth[::2, ::2] = 1
    first, last = calibration(v, depth, 3)
    # The last level has 24,000 values: 24 of them are beyond the quantile of 0.001.
    probabilities = known_probabilities(500, depth)
    assert probabilities.tolist() == [*PROBABILITIES[1:-1]]
    assert known_probabilities(1, depth).tolist() == [0.3, 0.4, 0.5, 0.6, 0.7]
    expected = normal_quantiles(probabilities)
    for level in (first, last):
        np.testing.assert_allclose(level.quantiles, expected, atol=0.15)
        assert abs(level.mean) < 0.02 and level.standard_deviation == pytest.approx(1, abs=0.02)
    assert first.correlation[0, 3] == pytest.approx(1)
    others = np.delete(first.correlation.ravel(), 3)
    assert np.abs(others).max() < 0.03
    # Elements of the last level are every second pixel.
    assert np.isfinite(last.correlation[0]).tolist() == [
        False,
        True,
        False,
        True,
        False,
        True,
        False,
    ]
    assert np.isnan(last.correlation[[1, 3]]).all()
    np.testing.assert_allclose(scipy.stats.norm.cdf(expected), probabilities)


def test_correlation_has_its_direction_and_is_that_of_numpy():
    random = np.random.default_rng(1)
    v = random.normal(2, 3, (50, 6, 6, 1))
    v[:, 1:, :-1] += 0.8 * v[:, :-1, 1:]  # each with the one above and to the right
    found = spatial_correlation(v, np.ones((6, 6, 1), bool), 2)
    centered = v - v.mean()
    one, other = centered[:, :-1, 1:].ravel(), centered[:, 1:, :-1].ravel()
    assert found[1, 2 - 1] == pytest.approx(
        one @ other / np.sqrt((one @ one) * (other @ other)), rel=1e-12
    )
    assert found[1, 2 - 1] > 0.4 and abs(found[1, 2 + 1]) < 0.1
    np.testing.assert_allclose(found[0, :2], found[0, :2:-1])
    for lag in (0, 6):
        with pytest.raises(ValueError, match='`max_lag` must be'):
            spatial_correlation(v, np.ones((6, 6, 1), bool), lag)
    with pytest.raises(ValueError, match=r'`mask` must be \(6, 6, 1\); got shape \(6, 6\)'):
        spatial_correlation(v, np.ones((6, 6), bool), 2)


def test_v_that_does_not_fit_or_is_not_finite_is_refused():
    v = np.zeros((2, 4, 4, 1))
    with pytest.raises(ValueError, match='the shape of `depth`; got shape'):
        calibration(v, np.zeros((4, 4), int), 1)
    v[1, 0, 0] = np.nan
    with pytest.raises(ValueError, match='that of 1 of 2 images is not'):
        calibration(v, np.zeros((4, 4, 1), int), 1)


def test_v_is_that_of_the_bound(model):
    """It is the output of the flow for images with the noise of the bound."""
    images = random_images(5)
    v = noisy_v(model, images, 3, seed=4)
    base = seeds.tensor_seed(4, 'calibration')
    for number, batch in enumerate((images[:3], images[[3, 4, 4]])):
        noise = model.draw_noise(3, seeds.fold_in(base, number))
        inference = model.infer(batch, noise)
        expected, _ = model.flow.forward_and_log_det(
            model.flow_input(batch, noise), inference.condition
        )
        count = min(3, 5 - 3 * number)
        np.testing.assert_allclose(
            v[3 * number :][:count], expected.numpy()[:count], rtol=1e-4, atol=1e-4
        )
    np.testing.assert_array_equal(noisy_v(model, images, 3, seed=4), v)
    assert not np.array_equal(noisy_v(model, images, 3, seed=5), v)
    assert v.shape[1:] == levels(model).shape == SHAPE and levels(model).max() == 1
    with pytest.raises(ValueError, match='`images` must have at least one image'):
        noisy_v(model, images[:0], 3, seed=4)


def test_the_use_of_z_is_that_of_its_posterior(model):
    images = random_images(7)
    posterior = model.posterior(images)
    found = latent_use(model, images, 3)
    mean, variance = posterior.mean.numpy(), np.exp(posterior.log_variance.numpy())
    np.testing.assert_allclose(
        found.kl_nats,
        (0.5 * (mean**2 + variance - 1 - np.log(variance))).mean(axis=0),
        rtol=1e-3,
        atol=1e-5,
    )
    np.testing.assert_allclose(found.mean_variances, mean.var(axis=0, ddof=1), rtol=1e-3, atol=1e-9)
    with pytest.raises(ValueError, match='`images` must have at least two images; got 1'):
        latent_use(model, images[:1], 3)
    alone = small_flow_alone('glow')
    initialize(alone, random_images(32), 0)
    with pytest.raises(ValueError, match='needs a model with an encoder'):
        latent_use(alone, images, 3)


def test_total_variation_is_the_mean_difference_of_neighbors():
    images = np.zeros((2, 2, 3, 1), np.uint8)
    images[1, :, 1] = 70
    # 3 pairs below each other without a difference, 4 pairs beside each other with one of 70.
    assert total_variation(images).tolist() == [0, pytest.approx(70 * 4 / 7)]
    with pytest.raises(ValueError, match='must be uint8'):
        total_variation(images.astype(np.float32))


def test_quality_is_that_of_the_samples_at_each_temperature(model):
    coder, strategy = Coder(model, 4), make_strategy('one_device')
    cold, warm = quality_by_temperature(coder, [0.0, 0.8], 6, 4, 2, strategy)
    samples = draw_samples(coder, 6, 2, 0.8, 0.8)
    assert (warm.temperature, warm.share_not_finite) == (0.8, 1 - samples.finite.mean())
    np.testing.assert_allclose(
        warm.variation, np.quantile(total_variation(samples.images), [0.1, 0.5, 0.9])
    )
    split = ArraySplit(lambda: (samples.images, None), 6, SHAPE)
    bits = bits_of_split(model, split, 4, seeds.derive(2, 'samples'), strategy)
    np.testing.assert_allclose(warm.bits, np.quantile(bits, [0.1, 0.5, 0.9]), rtol=1e-5)
    assert np.ptp(cold.variation) == 0, 'without noise all samples are the same'
    with pytest.raises(ValueError, match='`num_samples` must be'):
        quality_by_temperature(coder, [1.0], 0, 4, 2, strategy)


def test_samples_that_are_all_broken_have_no_quality(model, monkeypatch):
    coder = Coder(model, 4)
    draw = draw_samples(coder, 3, 0)
    monkeypatch.setattr(
        'tfwolf.evaluation.sample_quality.draw_samples',
        lambda *args: draw._replace(finite=np.zeros(3, bool)),
    )
    (found,) = quality_by_temperature(coder, [1.0], 3, 4, 0, make_strategy('one_device'))
    assert found.share_not_finite == 1 and np.isnan([*found.bits, *found.variation]).all()
