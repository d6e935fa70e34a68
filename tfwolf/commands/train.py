"""Train a model on images.

Ctrl-C saves a checkpoint first, and the same command continues an interrupted run.
"""

from __future__ import annotations

import dataclasses
import os
import time
from typing import TYPE_CHECKING

from tfwolf.cli import groups, program
from tfwolf.cli.flags import Flags
from tfwolf.cli.main import interrupted

if TYPE_CHECKING:
    from tfwolf.models.latent import Latent
    from tfwolf.models.wolf import Wolf
    from tfwolf.runs.run import Run

EXAMPLES = (
    'train digits --train_dir=runs/digits',
    'train cifar10_small --data_dir=DATA --train_dir=runs/mine --gin_param="train.batch_size = 32"',
    'train digits --train_dir=runs/tuned --init_from=pretrained:digits --max_steps=500',
)


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    options.group('Run')
    options.path(
        'train_dir', None, 'Folder of the run: checkpoints, curves, pictures, results.', 'FOLDER'
    )
    options.integer('max_steps', None, 'Number of steps; overrides train.max_steps.', lower_bound=1)
    options.boolean(
        'resume', True, 'Continue the run in --train_dir. --noresume rejects a folder with a run.'
    )
    options.string(
        'checkpoint',
        'latest',
        "Where to continue: 'latest', 'best' or a step. Later checkpoints are moved aside.",
        'WHICH',
    )
    options.boolean(
        'override_config',
        False,
        'Continue the run with another configuration; the differences are printed.',
    )
    options.path(
        'init_from',
        None,
        'Start a new run from the weights of this run, imported, packed or exported model, or '
        'pretrained:NAME. A run that is continued ignores it.',
        'RUN',
    )
    groups.experiment(options)
    groups.data(options)
    groups.devices(options)
    options.argument = 'gin_file'


def main(options: Flags) -> None:
    """Run the command."""
    from tfwolf.cli import opening
    from tfwolf.runs.fit_configuration import fit_configuration
    from tfwolf.training.checkpoint_files import checkpoint_steps
    from tfwolf.training.checkpoints import LATEST

    options.require('train_dir')
    configuration, train_dir = opening.configuration(options), options.train_dir
    configuration.experiment()
    settings = configuration.settings()
    if options.max_steps:
        settings = dataclasses.replace(settings, max_steps=options.max_steps)
    try:
        run = fit_configuration(
            configuration,
            settings,
            train_dir,
            options.seed,
            opening.environment(options, checkpoint=options.checkpoint),
            program.PROCESS_STARTED,
            options.init_from,
        )
    except KeyboardInterrupt as interrupt:
        steps = checkpoint_steps(os.path.join(train_dir, LATEST))
        saved = (
            f'The run is saved in {train_dir} up to step {steps[-1]:,}'
            if steps
            else 'Nothing was trained yet'
        )
        # It would go back to that step again.
        without = ' without --checkpoint' if options.given('checkpoint') else ''
        interrupted(interrupt, f'{saved}; the same command{without} continues it.')
    if run.workers.is_chief:
        _print_result(run, time.perf_counter() - program.PROCESS_STARTED)


def _print_result(run: Run, seconds: float) -> None:
    from tfwolf.training import run_directory

    print(f'\nDone after {seconds / 60:.1f} minutes.')
    if run.test_result:
        _print_likelihood(run.test_result, run.model.latent)
    for name, place in (
        ('checkpoints', 'checkpoints'),
        ('best on validation', 'best'),
        ('results', run_directory.EVALUATION),
        ('configuration', run_directory.CONFIG),
        ('curves', 'curves.csv'),
    ):
        if os.path.exists(os.path.join(run.train_dir, place)):
            print(f'  {name + ":":20}{os.path.join(run.train_dir, place)}')
    pictures = [os.path.join(run.train_dir, f'{name}.png') for name in ('samples', 'switch')]
    if found := ', '.join(filter(os.path.exists, pictures)):
        print(f'  {"pictures:":20}{found}')
    folder = f'--train_dir={run.train_dir}'
    curves = os.path.join(run.train_dir, run_directory.TENSORBOARD)
    print(
        f'Next:\n  {program.tool("tensorboard")} {program.shell_line(f"--logdir={curves}")}\n'
        f'  {program.command_line("evaluate", folder, "--num_samples=5")}\n'
        f'  {program.command_line(_command_to_look(run.model), folder)}'
    )


def _command_to_look(model: Wolf) -> str:
    """Return the command that shows what a model has learned."""
    if model.values.is_continuous:
        return 'density'
    # Pages and exports are of p(x), and of pictures of 8 bits.
    is_shown = model.values.image_type.name == 'uint8' and model.condition is None
    return 'explore' if is_shown else 'sample'


def _print_likelihood(result: dict, latent: Latent) -> None:
    from tfwolf.evaluation.summary_rows import COLLAPSED_KL_NATS

    kl_nats = result['kl_nats']
    kl = f', including KL {kl_nats:.2f} nats' if latent.has_z else ''
    given = f' given {result["condition"]}' if 'condition' in result else ''
    if 'nats_per_dim' in result:
        print(
            f'Held out: -log p = {result["nll_nats"]:.4f} nats ({result["nats_per_dim"]:.4f} '
            f'nats/dim) on {result["num_images"]:,} test examples{kl}'
        )
        if (entropy := result.get('entropy_nats')) is not None:
            print(f'The entropy of the distribution, the least possible: {entropy:.4f} nats')
    else:
        print(
            f'Held out: {result["bits_per_dim"]:.4f} bits/dim{given} on {result["num_images"]:,} '
            f'test images{kl}'
        )
    if latent.has_posterior and kl_nats < COLLAPSED_KL_NATS:
        print(
            f'WARNING: posterior collapse: the KL is {kl_nats:.2f} nats, so z holds almost no '
            'information.\n  Train longer, or add '
            '--gin_param="Objective.free_nats_per_dim = 0.25" or '
            '--gin_param="Objective.kl_warmup_steps = 1000".'
        )
