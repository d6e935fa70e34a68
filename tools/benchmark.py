"""Times the real training step: `python tools/benchmark.py --gin_file=gin/cifar10_small.gin --data_dir=DATA --batch_size=16`."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # so that a clone that is not installed will do
from tfwolf.quiet import PROCESS_STARTED  # noqa: E402  # isort: skip  (before anything that imports TensorFlow)

import json
import statistics

from absl import flags

from tfwolf import command
from tfwolf.benchmark.drift import drift_warning
from tfwolf.benchmark.measure import Benchmark, quartiles
from tfwolf.benchmark.served import time_export
from tfwolf.benchmark.turns import Child, run_alone, serve
from tfwolf.experiment import Experiment, TrainSettings
from tfwolf.training.checkpoints import find_checkpoint
from tfwolf.training.flow_gradients import MEMORIES

BATCH_SIZE = flags.DEFINE_integer('batch_size', None, "Images per step; default: the experiment's.", lower_bound=1)
STEPS = flags.DEFINE_integer('steps', 10, 'Timed steps in each turn.', lower_bound=1)
TURNS = flags.DEFINE_integer('turns', 3, 'How often the settings take turns.', lower_bound=1)
MEMORY = flags.DEFINE_enum('memory', None, MEMORIES, "Stands for train.gradient_memory; default: the experiment's.")
VS = flags.DEFINE_multi_string('vs', [], 'A gin binding of a second setting, compared with the first in the same run; repeatable.')
VS_COMMAND = flags.DEFINE_string('vs_command', None, 'A command to compare with, which prints a line of JSON with step_s.')
EXPORT = flags.DEFINE_string('export', None, 'Time an exported model instead: folder of its versions, or of one.')
DETAILS = flags.DEFINE_bool('details', True, 'Also count operations, and time evaluation, encoding, sampling and input.')
JSON = flags.DEFINE_bool('json', False, 'Print one JSON object and nothing else.')
CHILD = flags.DEFINE_bool('child', False, 'For its own use: answer requests on stdin.')


def main():
    """Runs the command."""
    if CHILD.value:
        benchmark = _benchmark()
        serve({'steps': benchmark.step_seconds, 'memory': benchmark.memory_bytes, 'start': lambda: benchmark.start_seconds})
        return
    if VS.value and VS_COMMAND.value:
        raise ValueError('--vs and --vs_command are two comparisons; give one of them.')
    if EXPORT.value:
        result = time_export(EXPORT.value)
    else:
        result = _compare() if VS.value or VS_COMMAND.value else _measure()
    print(json.dumps(result) if JSON.value else '\n'.join(_as_text(result)))


def _benchmark():
    params = [*command.gin_params(), *([f'train.batch_size = {BATCH_SIZE.value}'] if BATCH_SIZE.value else []),
              *([f'train.gradient_memory = {MEMORY.value!r}'] if MEMORY.value else [])]
    train_dir = command.TRAIN_DIR.value
    files = [command.run_config(train_dir)] if train_dir else []
    command.parse_gin([*files, *command.GIN_FILE.value], params)
    strategy = command.strategy()
    return Benchmark(Experiment(), TrainSettings(), strategy, command.DATA_DIR.value, command.DOWNLOAD.value, command.SEED.value,
                     PROCESS_STARTED, command.XLA.value, find_checkpoint(train_dir, 'latest') if train_dir else None)


def _measure():
    benchmark = _benchmark()
    count = STEPS.value * TURNS.value
    low, median, high = quartiles(benchmark.step_seconds(count))
    batch_size = benchmark.batch_size
    result = {'parameters': benchmark.parameters, 'batch_size': batch_size, 'start_seconds': benchmark.start_seconds,
              'step_seconds': {'median': median, 'quartiles': [low, high], 'steps': count}, 'images_per_second': batch_size / median,
              'memory_bytes': benchmark.memory_bytes()}
    if (drift := benchmark.gradient_drift()):
        result['gradient_drift'] = drift
        if (warning := drift_warning(drift)):
            print(f'WARNING: {warning}', file=sys.stderr)
    if DETAILS.value:
        flop = benchmark.flop()
        result.update(flop, share_of_matmul_peak=flop['training_flop_per_image'] * batch_size / median / flop['matmul_peak_flop_per_second'],
                      throughput_images_per_second=benchmark.images_per_second())
    return result


def _compare():
    """Returns the quartiles of both sides and the ratio of their medians; the sides take turns."""
    arguments = [argument for argument in sys.argv if not argument.startswith(('--vs', '--json', '--nojson'))] + ['--child']
    first = Child(arguments)
    second = Child([*arguments, *(f'--gin_param={binding}' for binding in VS.value)]) if VS.value else None
    seconds, others = [], []
    for _ in range(TURNS.value):
        seconds += first.ask('steps', STEPS.value)
        others += second.ask('steps', STEPS.value) if second else [run_alone(VS_COMMAND.value)]
    result = {'first_over_second': statistics.median(seconds) / statistics.median(others)}
    for name, child, values in (('first', first, seconds), ('second', second, others)):
        result[name] = {'step_seconds_quartiles': quartiles(values)}
        if child:
            result[name].update(memory_bytes=child.ask('memory'), start_seconds=child.ask('start'))
            child.close()
    return {**result, 'second_is': VS.value or VS_COMMAND.value}


def _as_text(result, indent=0):
    for name, value in result.items():
        if isinstance(value, dict):
            yield f'{"":{indent}}{name.replace("_", " ")}'
            yield from _as_text(value, indent + 2)
        else:
            yield f'{"":{indent}}{name.replace("_", " "):{34 - indent}}{_shown(name, value)}'


def _shown(name, value):
    if isinstance(value, list):
        return '  '.join(_shown(name, part) for part in value)
    if isinstance(value, float):
        return f'{value:,.0f}' if abs(value) >= 1e4 else f'{value:.4g}'
    return f'{value:,}' if isinstance(value, int) else str(value)


if __name__ == '__main__':
    command.run(main)
