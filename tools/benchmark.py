"""Times the real training step: `python tools/benchmark.py --gin_file=gin/cifar10_small.gin
--data_dir=DATA --batch_size=16`.
"""

import pathlib
import sys

sys.path.insert(
    0, str(pathlib.Path(__file__).resolve().parents[1])
)  # so that a clone that is not installed will do
from tfwolf.core.quiet import PROCESS_STARTED  # noqa: E402  # isort: skip  (before anything that imports TensorFlow)

import json

from tfwolf.benchmark.measure import Benchmark, Clock, measure
from tfwolf.benchmark.served import time_export
from tfwolf.benchmark.text import as_text
from tfwolf.benchmark.turns import compare, serve
from tfwolf.commands import flags, opening
from tfwolf.commands import main as command
from tfwolf.training.checkpoints import find_checkpoint
from tfwolf.training.flow_gradients import MEMORIES
from tfwolf.training.run import TrainingRun


def define_flags(options: flags.Flags) -> None:
    """Defines the flags of this command alone."""
    options.string(
        'train_dir', None, 'Folder of a run whose weights are used; default: initial ones.'
    )
    options.integer(
        'batch_size', None, "Images per step; default: the experiment's.", lower_bound=1
    )
    options.integer('steps', 10, 'Timed steps in each turn.', lower_bound=1)
    options.integer('turns', 3, 'How often the settings take turns.', lower_bound=1)
    options.choice(
        'memory', None, MEMORIES, "Stands for train.gradient_memory; default: the experiment's."
    )
    options.repeated(
        'vs',
        'A gin binding of a second setting, compared with the first in the same run; repeatable.',
    )
    options.string(
        'vs_command', None, 'A command to compare with, which prints a line of JSON with step_s.'
    )
    options.string(
        'export', None, 'Time an exported model instead: folder of its versions, or of one.'
    )
    options.boolean(
        'details', True, 'Also count operations, and time evaluation, encoding, sampling and input.'
    )
    options.boolean('json', False, 'Print one JSON object and nothing else.')
    options.boolean('child', False, 'For its own use: answer requests on stdin.')


def main(options: flags.Flags) -> None:
    """Runs the command."""
    if options.child:
        benchmark = _benchmark(options)
        serve(
            {
                'steps': benchmark.step_seconds,
                'memory': benchmark.memory_bytes,
                'start': lambda: benchmark.start_seconds,
            }
        )
        return
    if options.vs and options.vs_command:
        raise ValueError('--vs and --vs_command are two comparisons; give one of them.')
    if options.export:
        result = time_export(options.export)
    elif options.vs or options.vs_command:
        arguments = [
            argument
            for argument in sys.argv
            if not argument.startswith(('--vs', '--json', '--nojson'))
        ] + ['--child']
        result = compare(arguments, options.vs, options.vs_command, options.turns, options.steps)
    else:
        result = measure(_benchmark(options), options.steps * options.turns, options.details)
    print(json.dumps(result) if options.json else as_text(result))


def _benchmark(options: flags.Flags) -> Benchmark:
    clock = Clock(PROCESS_STARTED)
    clock.lap('imports')
    above = [
        *([f'train.batch_size = {options.batch_size}'] if options.batch_size else []),
        *([f'train.gradient_memory = {options.memory!r}'] if options.memory else []),
    ]
    configuration = opening.configuration(options, options.train_dir, above=above)
    experiment, environment = configuration.experiment(), opening.environment(options)
    strategy = environment.make_strategy()
    dataset = experiment.open_dataset(environment.data_dir, environment.download)
    dataset.train.prefetch()
    clock.lap('data')
    with strategy.scope():
        model = experiment.make_model_for(dataset, options.seed)
    run = TrainingRun(
        model, dataset, configuration.settings(), strategy, seed=options.seed, xla=environment.xla
    )
    return Benchmark(
        run, clock, find_checkpoint(options.train_dir, 'latest') if options.train_dir else None
    )


if __name__ == '__main__':
    command.run(main, define_flags, flags.configuration, flags.data, flags.devices)
