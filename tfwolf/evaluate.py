"""Evaluates a run: `python -m tfwolf.evaluate --train_dir=runs/digits --split=test --num_samples=5`."""
from tfwolf import quiet  # isort: skip  (before anything that imports TensorFlow)

import contextlib
import csv
import io
import os

from absl import flags

from tfwolf import command
from tfwolf.evaluation.assessment import Assessment
from tfwolf.evaluation.invertibility import worst_layers
from tfwolf.evaluation.journal import Journal
from tfwolf.evaluation.provenance import provenance
from tfwolf.experiment import Experiment
from tfwolf.trained import CHECKPOINT, WEIGHTS
from tfwolf.training import run_directory
from tfwolf.training.checkpoints import find_checkpoint, restore_model
from tfwolf.training.interrupts import Interrupts
from tfwolf.progress import progress_bar
from tfwolf.training.workers import Workers

SPLIT = flags.DEFINE_enum('split', 'test', ['train', 'validation', 'test'], 'Which images to evaluate on.')
NUM_SAMPLES = flags.DEFINE_integer('num_samples', 5, 'K: draws of z and of the dequantisation noise per image.', lower_bound=1)
NUM_IMAGES = flags.DEFINE_integer('num_images', None, 'Evaluate on the first so many images only.', lower_bound=1)
BATCH_SIZE = flags.DEFINE_integer('batch_size', 256, 'Images per batch over all replicas.', lower_bound=1)
DIAGNOSTICS = flags.DEFINE_bool('diagnostics', True, 'Also report unusual images, exact reconstruction, broken samples and layers.')
NUM_DIAGNOSED = flags.DEFINE_integer('num_diagnosed', 64, 'Images, and samples per temperature, of the diagnostics.', lower_bound=2)


def main():
    """Runs the command."""
    train_dir = command.train_dir()
    try:
        evaluate(train_dir)
    except KeyboardInterrupt as interrupt:
        command.interrupted(interrupt, 'What is computed is kept; the same command goes on with it.')


def evaluate(train_dir):
    """Evaluates the run in `train_dir`; prints the results and writes them there."""
    command.parse_gin([command.run_config(train_dir), *command.GIN_FILE.value], command.gin_params())
    path = find_checkpoint(train_dir, CHECKPOINT.value)
    parts = Experiment()
    strategy = command.strategy()
    workers = Workers(strategy)
    with workers.together():
        _evaluate(parts, strategy, workers, train_dir, path)


def _evaluate(parts, strategy, workers, train_dir, path):
    dataset = parts.open_dataset(command.DATA_DIR.value, command.DOWNLOAD.value)
    seed = command.SEED.value
    with strategy.scope():
        model = parts.make_model_for(dataset, seed)
    asked = [flag.value for flag in (SPLIT, NUM_SAMPLES, NUM_IMAGES, BATCH_SIZE, WEIGHTS, DIAGNOSTICS, NUM_DIAGNOSED)]
    workers.check_alike(repr((command.config_text(), os.path.basename(path), dataset.title, asked)))
    weights = restore_model(model, path, WEIGHTS.value)
    workers.copy_from_chief(model)
    split = getattr(dataset, SPLIT.value)
    if not split.num_examples:
        raise ValueError(f'The split {SPLIT.value!r} of {dataset.title} is empty. Name another --split.')
    split = split.take(NUM_IMAGES.value or split.num_examples)
    result = provenance(dataset, SPLIT.value, split, path, weights, seed)
    key = {**result, 'num_samples': NUM_SAMPLES.value, 'batch_size': BATCH_SIZE.value, 'replicas': strategy.num_replicas_in_sync}
    journal = Journal(os.path.join(train_dir, run_directory.JOURNAL), key, workers.is_chief)
    if workers.differing(journal.position):
        journal.clear()
    with Interrupts(workers.agree_on_signal) as interrupts:
        @contextlib.contextmanager
        def progress(description, total, done):
            def update(count):
                bar.update(count)
                interrupts.check()

            with progress_bar(total, done, description, 'image', workers.is_chief) as bar:
                yield update

        assessment = Assessment(model, split, BATCH_SIZE.value, NUM_SAMPLES.value, seed, strategy, journal, progress)
        try:
            print(f'{dataset.title}, {SPLIT.value}: {split.num_examples:,} images; {path}', flush=True)
            result = {**assessment.likelihood(), **result}
            # What has been computed is written before anything else can fail.
            if workers.is_chief:
                _write(train_dir, assessment, result)
            if DIAGNOSTICS.value:
                result.update(assessment.unusual_images(NUM_DIAGNOSED.value))
            if DIAGNOSTICS.value and workers.is_chief:
                result.update(assessment.soundness(NUM_DIAGNOSED.value))
                _write(train_dir, assessment, result)
        except BaseException:
            journal.save()
            raise
    journal.remove()
    _print(result)
    print(f'Written to {os.path.join(train_dir, run_directory.EVALUATION)}, and image by image to {run_directory.IMAGES} beside it')


def _write(train_dir, assessment, result):
    run_directory.write_json(os.path.join(train_dir, run_directory.EVALUATION), result)
    columns = assessment.columns()
    text = io.StringIO()
    table = csv.writer(text, lineterminator='\n')
    table.writerow(['image', *columns])
    table.writerows([number, *map(float, row)] for number, row in enumerate(zip(*columns.values())))
    run_directory.write_text(os.path.join(train_dir, run_directory.IMAGES), text.getvalue())


def _print(result):
    for name, value in result.items():
        if name not in ('invertibility', 'likelihood_caveat'):
            print(f'{name:26}{_shown(value)}')
    if result['num_not_finite']:
        print(f'WARNING: the likelihood of {result["num_not_finite"]} images is not finite, so neither are the means. '
              f'{run_directory.IMAGES} says which images; the layers below say where.')
    if 'invertibility' in result:
        print('Layers whose inverse amplifies errors most:')
        for row in worst_layers(result['invertibility']):
            print(f'  gain {row["inverse_gain"]:.1e}  round trip {row["round_trip_error"]:.1e}  {row["kind"]:18}{row["layer"]}')
        print(result['likelihood_caveat'])


def _shown(value):
    if isinstance(value, dict):
        return ', '.join(f'{name}: {_shown(part)}' for name, part in value.items())
    if isinstance(value, list):
        return ' '.join(_shown(part) for part in value)
    if isinstance(value, float):
        return f'{value:.4f}' if value == 0 or abs(value) >= 1e-3 else f'{value:.1e}'
    return str(value)


if __name__ == '__main__':
    command.run(main)
