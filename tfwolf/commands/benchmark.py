"""Measure the training step: time, memory, operations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tfwolf.cli import groups, program
from tfwolf.cli.flags import Flags
from tfwolf.cli.run_choice import run_folder
from tfwolf.commands import summary
from tfwolf.core.choices import GRADIENT_MEMORIES

if TYPE_CHECKING:
    from tfwolf.benchmark.measure import Benchmark

EXAMPLES = (
    'benchmark cifar10_small --data_dir=DATA --batch_size=16',
    'benchmark cifar10_small --data_dir=DATA --vs="experiment.precision = \'bfloat16\'"',
    'benchmark cifar10_small --data_dir=DATA --profile=traces --nodetails',
    'benchmark --export_dir=exported/digits',
)
FLAGS_OF_THE_PARENT = 'vs', 'vs_command', 'json'


class NotTimed(ValueError):
    """A training step needs more memory than is free; `description` is that of `tfwolf summary`."""

    def __init__(self, description: dict) -> None:
        super().__init__(description['not_timed'])
        self.description = description


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    options.group('Benchmark')
    options.path('train_dir', None, 'Folder of a run. Default: initial weights.', 'FOLDER')
    options.path(
        'export_dir',
        None,
        'Instead: folder of an exported model, whose signatures are timed.',
        'FOLDER',
    )
    options.integer('batch_size', None, 'Images per step. Default: as configured.', lower_bound=1)
    options.choice(
        'gradient_memory',
        None,
        GRADIENT_MEMORIES,
        'Sets train.gradient_memory. Default: as configured.',
    )
    options.integer('steps', 10, 'Timed steps per turn.', lower_bound=1)
    options.integer('turns', 3, 'Number of turns, in which settings alternate.', lower_bound=1)
    options.repeated('vs', 'Gin binding of a second setting to compare with.', '"NAME = VALUE"')
    options.string(
        'vs_command',
        None,
        'Command to compare with, which prints a JSON line with step_s.',
        'COMMAND',
    )
    options.boolean(
        'details', True, 'Also count operations and time evaluation, encoding, sampling and input.'
    )
    options.path(
        'profile', None, 'Also trace steps: time by part of the model and by kernel.', 'FOLDER'
    )
    options.boolean('json', False, 'Print one JSON object and nothing else.')
    options.hidden('child')
    options.renamed('memory', 'gradient_memory')
    options.renamed('export', 'export_dir')
    groups.experiment(options)
    groups.data(options)
    groups.devices(options)
    options.argument = 'gin_file'


def main(options: Flags) -> None:
    """Run the command."""
    from tfwolf.benchmark.measure import measure
    from tfwolf.benchmark.served import time_export
    from tfwolf.benchmark.text import as_text
    from tfwolf.benchmark.turns import command_line, compare, serve

    if options.child:
        serve(_benchmark(options).answers)
        return
    if options.vs and options.vs_command:
        raise ValueError('Give --vs or --vs_command, not both.')
    if options.profile and (options.vs or options.vs_command or options.export_dir):
        raise ValueError('Give --profile without --vs, --vs_command and --export_dir.')
    if options.export_dir:
        result = time_export(options.export_dir)
    elif options.vs or options.vs_command:
        names = [flag.name for group in options.groups.values() for flag in group]
        given = options.as_arguments(*(name for name in names if name not in FLAGS_OF_THE_PARENT))
        arguments = command_line('benchmark', *given, '--child')
        result = compare(arguments, options.vs, options.vs_command, options.turns, options.steps)
    else:
        try:
            benchmark = _benchmark(options)
        except NotTimed as found:
            print(
                json.dumps(found.description)
                if options.json
                else summary.as_text(found.description)
            )
            return
        count = options.steps * options.turns
        result = measure(benchmark, count, options.details, options.profile)
    print(json.dumps(result) if options.json else as_text(result))


def _benchmark(options: Flags) -> Benchmark:
    from tfwolf.benchmark.description import describe
    from tfwolf.benchmark.measure import Benchmark, Clock
    from tfwolf.cli import opening
    from tfwolf.runs.run_data import open_data, read_record
    from tfwolf.training.checkpoints import find_checkpoint
    from tfwolf.training.memory import training_shortage
    from tfwolf.training.run import TrainingRun

    clock = Clock(program.PROCESS_STARTED)
    clock.lap('imports')
    train_dir = run_folder(options) if options.train_dir else None
    above = [
        f'train.{name} = {getattr(options, name)!r}'
        for name in ('batch_size', 'gradient_memory')
        if getattr(options, name)
    ]
    configuration = opening.configuration(options, train_dir, above=above)
    experiment, environment = configuration.experiment(), opening.environment(options)
    strategy = environment.make_strategy()
    if train_dir:
        dataset = open_data(experiment, train_dir, environment, read_record(train_dir))
    else:
        dataset = experiment.open_dataset(environment.data_dir, environment.download)
    dataset.train.prefetch()
    clock.lap('data')
    settings = configuration.settings()
    with strategy.scope():
        model = experiment.make_model_for(dataset, options.seed)
    if too_much := training_shortage(model, settings, strategy):
        raise NotTimed({**describe(model, settings, experiment.tf32), 'not_timed': too_much})
    run = TrainingRun(
        model,
        dataset,
        settings,
        strategy,
        seed=options.seed,
        xla=environment.xla,
        tf32=experiment.tf32,
    )
    return Benchmark(run, clock, find_checkpoint(train_dir, 'latest') if train_dir else None)
