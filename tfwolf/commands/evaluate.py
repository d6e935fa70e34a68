"""Measure the likelihood of held-out images, and whether the flow is exact.

Ctrl-C keeps what was computed; the same command continues.
"""

from __future__ import annotations

import json
import os

from tfwolf.cli import groups
from tfwolf.cli.flags import Flags
from tfwolf.cli.main import interrupted
from tfwolf.cli.run_choice import run_folder
from tfwolf.core.choices import SPLITS

EXAMPLES = ('evaluate --train_dir=runs/digits --split=test --num_samples=5',)


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    groups.run(options)
    options.group('Evaluation')
    options.choice('split', 'test', SPLITS, 'Images to evaluate on.')
    options.integer(
        'num_samples',
        5,
        'K: draws of z and of the dequantization noise per image.',
        lower_bound=1,
    )
    options.integer('num_images', None, 'Use the first N images only.', lower_bound=1)
    options.integer('batch_size', 256, 'Images per batch over all replicas.', lower_bound=1)
    options.boolean(
        'diagnostics',
        True,
        'Also measure typicality, exactness of reconstruction, broken samples and layers.',
    )
    options.integer(
        'num_diagnosed',
        None,
        'Images, and samples per temperature, of the diagnostics. Default: as configured, 64.',
        lower_bound=2,
    )
    options.boolean('json', False, 'Print the result as one JSON object.')
    groups.experiment(options)
    groups.data(options)
    groups.devices(options)


def main(options: Flags) -> None:
    """Run the command."""
    from tfwolf.cli import opening
    from tfwolf.evaluation.summary import as_text
    from tfwolf.runs.run import load_configured
    from tfwolf.training import run_directory

    train_dir, count = run_folder(options), options.num_diagnosed
    diagnosed = [f'UnusualImages.num_samples = {count}', f'NumericalChecks.num_images = {count}']
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
        interrupted(interrupt, 'Computed values are saved; the same command continues.')
    if not run.workers.is_chief:
        return
    if options.json:
        print(json.dumps(result))
        return
    print(as_text(result))
    print(
        f'Written to {os.path.join(train_dir, run_directory.EVALUATION)}, and per image to '
        f'{run_directory.IMAGES} next to it.'
    )
