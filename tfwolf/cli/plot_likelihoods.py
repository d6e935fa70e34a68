"""Plots of likelihoods and of samples: histograms, lengths of files, and temperatures."""

from __future__ import annotations

import numpy as np

from tfwolf.cli.plot_context import Context
from tfwolf.evaluation.outliers import coded_bits_per_dim, extreme_images, likelihood_caveat
from tfwolf.evaluation.sample_quality import (
    QUANTILES,
    bits_of_finite_samples,
    quality_by_temperature,
    total_variation,
)
from tfwolf.plots.likelihoods import against_file_length, likelihood_histogram
from tfwolf.plots.temperature import non_finite_share, quality_over_temperature


def show_likelihoods(context: Context) -> None:
    """Show bits/dim of test images and of samples, and the most and least likely images."""
    options, run = context.options, context.run
    bits, finite, num_samples = context.images_bits, np.empty(0), 0
    if run.model.condition is None:
        # Samples of given conditions do not have exactly these conditions.
        num_samples = options.num_samples
        finite = bits_of_finite_samples(
            run.model, num_samples, options.batch_size, options.seed, run.strategy
        )
    most, least = extreme_images(bits)
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
            'quantiles': list(QUANTILES),
            'samples_bits_per_dim': [quality.bits.tolist() for quality in found],
            'samples_variation': [quality.variation.tolist() for quality in found],
            'share_not_finite': shares,
            'images_bits_per_dim': images_bits,
            'images_variation': images_variation,
        },
    )
