"""Draw plots of a run: curves, likelihoods, z, v, layers, temperatures."""

from __future__ import annotations

from tfwolf.cli import groups
from tfwolf.cli.flags import Flags
from tfwolf.core.choices import PLOT_PARTS

EXAMPLES = (
    'plots --train_dir=runs/cifar10_small --data_dir=DATA',
    'plots --train_dir=runs/cifar10_small --show=curves,terms --format=svg,pdf',
    'plots --pretrained=digits --show=calibration',
)


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    options.group('Plots')
    options.list(
        'show',
        None,
        f'Which: {", ".join(PLOT_PARTS)}. Default: all that are possible.',
        'NAME,...',
    )
    options.integer('num_images', 512, 'Test images, the first ones, at most.', lower_bound=2)
    options.integer(
        'num_samples', 128, 'Samples, of `temperature` at each temperature.', lower_bound=2
    )
    options.list(
        'temperatures',
        ['0.4', '0.5', '0.6', '0.7', '0.8', '0.9', '1'],
        'Temperatures of z and v of `temperature`.',
        'NUMBER,...',
    )
    groups.figures(options)
    groups.results(options)


def main(options: Flags) -> None:
    """Run the command."""
    from tfwolf.cli.picture_files import appearance
    from tfwolf.cli.plot_context import Context
    from tfwolf.cli.plot_parts import PARTS

    if options.show is not None and (not options.show or set(options.show) - PARTS.keys()):
        raise ValueError(
            f'--show must be some of {",".join(PARTS)}; got {",".join(options.show)!r}.'
        )
    options.numbers('temperatures', '0.7,0.8,1')
    appearance(options)
    context, done = Context(options), []
    for name in options.show or PARTS:
        try:
            PARTS[name](context)
            done.append(name)
        except ValueError as error:
            if options.show:
                raise
            print(f'{name} is skipped: {error}', flush=True)
    if not done:
        raise ValueError('None of these plots is possible; the reasons are above.')
