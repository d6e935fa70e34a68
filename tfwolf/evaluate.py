"""Evaluates a run: `python -m tfwolf.evaluate --train_dir=runs/digits --split=test
--num_samples=5`.
"""

import os

from tfwolf.commands import flags, opening
from tfwolf.commands import main as command
from tfwolf.evaluation.invertibility import worst_layers
from tfwolf.runs.evaluation import SPLITS
from tfwolf.runs.run import load_configured
from tfwolf.training import run_directory


def define_flags(options: flags.Flags) -> None:
    """Defines the flags of this command alone."""
    options.choice('split', 'test', SPLITS, 'Which images to evaluate on.')
    options.integer(
        'num_samples', 5, 'K: draws of z and of the dequantisation noise per image.', lower_bound=1
    )
    options.integer('num_images', None, 'Evaluate on the first so many images only.', lower_bound=1)
    options.integer('batch_size', 256, 'Images per batch over all replicas.', lower_bound=1)
    options.boolean(
        'diagnostics',
        True,
        'Also report unusual images, exact reconstruction, broken samples and layers.',
    )
    options.integer(
        'num_diagnosed',
        None,
        'Images, and samples per temperature, of the diagnostics; default: as configured, 64.',
        lower_bound=2,
    )


def main(options: flags.Flags) -> None:
    """Runs the command."""
    train_dir = opening.train_dir(options)
    diagnosed = [
        f'UnusualImages.num_samples = {options.num_diagnosed}',
        f'NumericalChecks.num_images = {options.num_diagnosed}',
    ]
    configuration = opening.configuration(
        options, train_dir, above=diagnosed if options.given('num_diagnosed') else ()
    )
    try:
        run = load_configured(
            train_dir,
            configuration,
            options.checkpoint,
            options.weights,
            opening.environment(options),
        )
        result = run.evaluate(
            **options.chosen('split', 'num_samples', 'num_images', 'batch_size', 'seed'),
            evaluators=None if options.diagnostics else (),
            save=True,
        )
    except KeyboardInterrupt as interrupt:
        command.interrupted(
            interrupt, 'What is computed is kept; the same command goes on with it.'
        )
    if run.workers.is_chief:
        _print(result)
        print(
            f'Written to {os.path.join(train_dir, run_directory.EVALUATION)}, and image by image '
            f'to {run_directory.IMAGES} beside it'
        )


def _print(result: dict) -> None:
    for name, value in result.items():
        if name not in ('invertibility', 'likelihood_caveat'):
            print(f'{name:26}{_shown(value)}')
    if result['num_not_finite']:
        print(
            f'WARNING: the likelihood of {result["num_not_finite"]} images is not finite, so '
            'neither are the means. '
            f'{run_directory.IMAGES} says which images; the layers below say where.'
        )
    if 'invertibility' in result:
        print('Layers whose inverse amplifies errors most:')
        for row in worst_layers(result['invertibility']):
            print(
                f'  gain {row["inverse_gain"]:.1e}  round trip {row["round_trip_error"]:.1e}  '
                f'{row["kind"]:18}{row["layer"]}'
            )
    if 'likelihood_caveat' in result:
        print(result['likelihood_caveat'])


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ', '.join(f'{name}: {_shown(part)}' for name, part in value.items())
    if isinstance(value, list):
        return ' '.join(_shown(part) for part in value)
    if isinstance(value, float):
        return f'{value:.4f}' if value == 0 or abs(value) >= 1e-3 else f'{value:.1e}'
    return str(value)


if __name__ == '__main__':
    command.run(main, define_flags, flags.run, flags.configuration, flags.data, flags.devices)
