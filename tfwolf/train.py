"""Trains a model: `python -m tfwolf.train --gin_file=gin/digits.gin --train_dir=runs/digits`."""

from tfwolf.core.quiet import PROCESS_STARTED  # isort: skip  (before anything that imports TensorFlow)

import dataclasses
import os
import time

from tfwolf.commands import flags, opening
from tfwolf.commands import main as command
from tfwolf.runs.fit import fit_configuration
from tfwolf.runs.run import Run
from tfwolf.training import run_directory
from tfwolf.training.checkpoints import has_checkpoint

# A KL below this, in nats, indicates posterior collapse.
COLLAPSED_KL_NATS = 0.5


def define_flags(options: flags.Flags) -> None:
    """Defines the flags of this command alone."""
    options.string(
        'train_dir', None, 'Folder of the run: checkpoints, summaries, pictures, results.'
    )
    options.integer('max_steps', None, 'Number of steps; wins over train.max_steps.', lower_bound=1)
    options.boolean(
        'resume', True, 'Continue the run in --train_dir; --noresume refuses a used folder.'
    )
    options.boolean(
        'override_config',
        False,
        'Continue the run although its configuration was another; shows what differs.',
    )


def main(options: flags.Flags) -> None:
    """Runs the command."""
    configuration = opening.configuration(options)
    train_dir = opening.train_dir(options)
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
            opening.environment(options),
            PROCESS_STARTED,
        )
    except KeyboardInterrupt as interrupt:
        saved = (
            f'The run is saved in {train_dir}'
            if has_checkpoint(train_dir)
            else 'Nothing was trained yet'
        )
        command.interrupted(interrupt, f'{saved}; the same command continues it.')
    if run.workers.is_chief:
        _say_what_is_where(run, time.perf_counter() - PROCESS_STARTED)


def _say_what_is_where(run: Run, seconds: float) -> None:
    result, has_z = run.test_result, run.model.latent.has_z
    print(f'\nDone after {seconds / 60:.1f} minutes.')
    if result:
        kl = f', of which KL {result["kl_nats"]:.2f} nats' if has_z else ''
        print(
            f'Held out: {result["bits_per_dim"]:.4f} bits/dim on {result["num_images"]:,} test '
            f'images{kl}'
        )
        if has_z and result['kl_nats'] < COLLAPSED_KL_NATS:
            print(
                f'WARNING: the KL has collapsed ({result["kl_nats"]:.2f} nats): z holds next to '
                'nothing, and switching it changes '
                'nothing.\n  Train longer, or help it: --gin_param="Objective.free_nats_per_dim = '
                '0.25" or '
                '--gin_param="Objective.kl_warmup_steps = 1000".'
            )
    for name, place in (
        ('checkpoints', 'checkpoints'),
        ('best on validation', 'best'),
        ('results', run_directory.EVALUATION),
        ('configuration', run_directory.CONFIG),
    ):
        if os.path.exists(os.path.join(run.train_dir, place)):
            print(f'  {name + ":":20}{os.path.join(run.train_dir, place)}')
    pictures = [os.path.join(run.train_dir, f'{name}.png') for name in ('samples', 'switch')]
    print(f'  {"pictures:":20}{", ".join(filter(os.path.exists, pictures))}')
    print(
        f'Next:\n  tensorboard --logdir={run.train_dir}\n  python -m tfwolf.evaluate '
        f'--train_dir={run.train_dir} --split=test --num_samples=5'
    )


if __name__ == '__main__':
    command.run(main, define_flags, flags.configuration, flags.data, flags.devices)
