"""Plots of what a model makes of test images: z, v and the layers between."""

from __future__ import annotations

from tfwolf.cli.plot_context import Context
from tfwolf.evaluation.calibration import calibration_of_model, noisy_v
from tfwolf.evaluation.invertibility import invertibility_report
from tfwolf.evaluation.latent_use import latent_use
from tfwolf.plots.calibration import calibration_of_v, correlation_maps
from tfwolf.plots.latent_dimensions import ACTIVE, active_units, kl_per_dimension
from tfwolf.plots.layers import invertibility_by_layer

# Images of the errors of layers.
OF_LAYERS = 64
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


def show_calibration(context: Context) -> None:
    """Show quantiles of v against those of N(0, 1), and its correlation in space."""
    options, model, chosen = context.options, context.run.model, context.chosen
    v = noisy_v(model, chosen.images, options.batch_size, options.seed, chosen.labels)
    found = calibration_of_model(model, v, MAX_LAG)
    context.write(
        'calibration',
        context.of_images(),
        {
            'calibration': calibration_of_v(found.expected, found.quantiles, found.correlations),
            'correlation': correlation_maps(found.correlations),
        },
        {
            'probabilities': found.probabilities.tolist(),
            'normal_quantiles': found.expected.tolist(),
            'levels': {
                name: {
                    **level._asdict(),
                    'quantiles': level.quantiles.tolist(),
                    'correlation': level.correlation.tolist(),
                }
                for name, level in found.levels.items()
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
