"""The plots of a model, each in a folder of its own with the numbers that it was drawn from."""

from __future__ import annotations

import numpy as np

from tfwolf.cli.plot_context import Context
from tfwolf.cli.plot_tables import show_curves, show_frechet, show_probe, show_terms
from tfwolf.core import seeds
from tfwolf.evaluation.calibration import (
    calibration,
    known_probabilities,
    levels,
    noisy_v,
    normal_quantiles,
)
from tfwolf.evaluation.invertibility import invertibility_report
from tfwolf.evaluation.latent_use import latent_use
from tfwolf.evaluation.numerics import finite_samples
from tfwolf.evaluation.outliers import coded_bits_per_dim, likelihood_caveat
from tfwolf.evaluation.sample_quality import quality_by_temperature, total_variation
from tfwolf.plots.calibration import calibration_of_v, correlation_maps
from tfwolf.plots.latent_dimensions import ACTIVE, active_units, kl_per_dimension
from tfwolf.plots.layers import invertibility_by_layer
from tfwolf.plots.likelihoods import against_file_length, likelihood_histogram
from tfwolf.plots.temperature import non_finite_share, quality_over_temperature

# Images on each side of the histogram, and images of the layers' errors.
EXTREME, OF_LAYERS = 8, 64
MAX_LAG = 8


def show_kl(context: Context) -> None:
    """Show the KL of each dimension of z and which dimensions are active."""
    use = latent_use(context.run.model, context.chosen.images, context.options.batch_size)
    context.write(
        'kl',
        context.of_images(),
        {'kl': kl_per_dimension(use.kl_nats), 'active_units': active_units(use.mean_variances)},
        {
            'kl_to_standard_normal_nats': use.kl_nats.tolist(),
            'mean_variances': use.mean_variances.tolist(),
            'num_active': int((use.mean_variances > ACTIVE).sum()),
        },
    )


def show_likelihoods(context: Context) -> None:
    """Show bits/dim of test images and of samples, and the most and least likely images."""
    options, run = context.options, context.run
    bits, of_samples, num_samples = context.images_bits, np.empty(0), 0
    if run.model.condition is None:
        # Samples of given conditions do not have exactly these conditions.
        samples, num_samples = (
            finite_samples(run.model, options.num_samples, options.seed),
            options.num_samples,
        )
        if samples.num_examples:
            of_samples = context.bits(samples, seeds.derive(options.seed, 'samples'))
    finite = of_samples[np.isfinite(of_samples)]
    order = np.argsort(bits, kind='stable')
    count = min(EXTREME, len(order) // 2 or 1)
    most, least = order[:count], order[::-1][:count]
    images = context.chosen.images
    figure = likelihood_histogram(bits, finite, images[most], images[least])
    context.write(
        'likelihoods',
        context.of_images('num_samples'),
        {'likelihoods': figure},
        {
            'images_bits_per_dim': bits.tolist(),
            'samples_bits_per_dim': finite.tolist(),
            'num_samples_not_finite': num_samples - len(finite),
            'most_likely': most.tolist(),
            'least_likely': least.tolist(),
        },
    )


def show_file_length(context: Context) -> None:
    """Show bits/dim of test images against the length of a lossless file."""
    bits = context.images_bits
    coded = coded_bits_per_dim(context.chosen.images, context.run.model.color_bits)
    context.write(
        'file_length',
        context.of_images(),
        {'file_length': against_file_length(coded, bits)},
        {
            'coded_bits_per_dim': coded.tolist(),
            'images_bits_per_dim': bits.tolist(),
            'rank_correlation': likelihood_caveat(bits, coded)[0],
        },
    )


def show_calibration(context: Context) -> None:
    """Show quantiles of v against those of N(0, 1), and its correlation in space."""
    options, model, chosen = context.options, context.run.model, context.chosen
    v = noisy_v(model, chosen.images, options.batch_size, options.seed, chosen.labels)
    lag = min(MAX_LAG, min(model.image_shape[:2]) // 2)
    found = {
        f'level {number}': level
        for number, level in enumerate(calibration(v, levels(model), lag), start=1)
    }
    probabilities = known_probabilities(len(v), levels(model))
    expected = normal_quantiles(probabilities)
    correlations = {name: level.correlation for name, level in found.items()}
    quantiles = {name: level.quantiles for name, level in found.items()}
    context.write(
        'calibration',
        context.of_images(),
        {
            'calibration': calibration_of_v(expected, quantiles, correlations),
            'correlation': correlation_maps(correlations),
        },
        {
            'probabilities': probabilities.tolist(),
            'normal_quantiles': expected.tolist(),
            'levels': {
                name: {
                    **level._asdict(),
                    'quantiles': level.quantiles.tolist(),
                    'correlation': level.correlation.tolist(),
                }
                for name, level in found.items()
            },
        },
    )


def show_invertibility(context: Context) -> None:
    """Show the round-trip error and the inverse gain of each layer."""
    chosen = context.chosen
    count = min(OF_LAYERS, len(chosen.images))
    labels = None if chosen.labels is None else chosen.labels[:count]
    report = invertibility_report(
        context.run.model, chosen.images[:count], context.options.seed, labels
    )
    figure = invertibility_by_layer(
        [row['kind'] for row in report],
        [row['round_trip_error'] for row in report],
        [row['inverse_gain'] for row in report],
    )
    settings = {**context.of_images(), 'num_images': count}
    context.write('invertibility', settings, {'invertibility': figure}, {'layers': report})


def show_temperature(context: Context) -> None:
    """Show bits/dim and total variation of samples, and what is not finite, over temperature."""
    options = context.options
    temperatures = options.numbers('temperatures', '0.7,0.8,1') or []
    found = quality_by_temperature(
        context.coder,
        temperatures,
        options.num_samples,
        options.batch_size,
        options.seed,
        context.run.strategy,
    )
    images_bits = float(np.median(context.images_bits))
    images_variation = float(np.median(total_variation(context.chosen.images)))
    shares = [quality.share_not_finite for quality in found]
    quality = quality_over_temperature(
        temperatures,
        [quality.bits for quality in found],
        [quality.variation for quality in found],
        images_bits,
        images_variation,
    )
    context.write(
        'temperature',
        {**context.of_images('num_samples'), 'temperatures': temperatures},
        {
            'temperature': quality,
            'not_finite': non_finite_share(temperatures, shares, options.num_samples),
        },
        {
            'temperatures': temperatures,
            'quantiles': [0.1, 0.5, 0.9],
            'samples_bits_per_dim': [quality.bits.tolist() for quality in found],
            'samples_variation': [quality.variation.tolist() for quality in found],
            'share_not_finite': shares,
            'images_bits_per_dim': images_bits,
            'images_variation': images_variation,
        },
    )


PARTS = {
    'curves': show_curves,
    'terms': show_terms,
    'kl': show_kl,
    'likelihoods': show_likelihoods,
    'file_length': show_file_length,
    'calibration': show_calibration,
    'invertibility': show_invertibility,
    'temperature': show_temperature,
    'probe': show_probe,
    'frechet': show_frechet,
}
