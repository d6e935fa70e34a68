"""Evaluates a run: `python -m tfwolf.evaluate --train_dir=runs/digits --split=test --num_samples=5`."""
from tfwolf import quiet  # isort: skip  (before anything that imports TensorFlow)

import json
import os

from absl import flags

from tfwolf import command, validate
from tfwolf.evaluation.likelihood import evaluate_likelihood
from tfwolf.experiment import Experiment
from tfwolf.training import run_directory
from tfwolf.training.checkpoints import find_checkpoint, restore_model
from tfwolf.training.progress import progress_bar
from tfwolf.training.strategy import make_strategy

SPLIT = flags.DEFINE_enum('split', 'test', ['train', 'validation', 'test'], 'Which images to evaluate on.')
NUM_SAMPLES = flags.DEFINE_integer('num_samples', 5, 'K: draws of z and of the dequantisation noise per image.', lower_bound=1)
NUM_IMAGES = flags.DEFINE_integer('num_images', None, 'Evaluate on the first so many images only.', lower_bound=1)
BATCH_SIZE = flags.DEFINE_integer('batch_size', 256, 'Images per batch over all replicas.', lower_bound=1)
CHECKPOINT = flags.DEFINE_string('checkpoint', 'latest', "'latest', 'best' (on validation) or the number of a step.")


def main():
    """Runs the command."""
    train_dir = command.train_dir()
    config = os.path.join(train_dir, run_directory.CONFIG)
    if not os.path.isfile(config):
        raise ValueError(f'{train_dir} holds no run of tfwolf (no {run_directory.CONFIG}). Train first, or name another --train_dir.')
    command.parse_gin([config, *command.GIN_FILE.value], command.GIN_PARAM.value)
    path = find_checkpoint(train_dir, CHECKPOINT.value)
    parts = Experiment()
    strategy = make_strategy(command.STRATEGY.value)
    dataset = parts.open_dataset(command.DATA_DIR.value, command.DOWNLOAD.value)
    with strategy.scope():
        model = parts.make_model_for(dataset, command.SEED.value)
    restore_model(model, path)
    split = getattr(dataset, SPLIT.value)
    if NUM_IMAGES.value is not None:
        split = split.take(validate.integer('num_images', NUM_IMAGES.value, minimum=1))
    with progress_bar(split.num_examples, 0, f'Evaluating on {SPLIT.value}', 'image') as bar:
        result = evaluate_likelihood(model, split, BATCH_SIZE.value, NUM_SAMPLES.value, command.SEED.value, strategy, bar.update)
    result = {**result, 'dataset': dataset.name, 'split': SPLIT.value, 'checkpoint': os.path.basename(path),
              'seed': command.SEED.value}
    output = os.path.join(train_dir, run_directory.EVALUATION)
    run_directory.write_text(output, json.dumps(result, indent=2) + '\n')
    for name, value in result.items():
        print(f'{name:22}{value:.4f}' if isinstance(value, float) else f'{name:22}{value}')
    print(f'Written to {output}')


if __name__ == '__main__':
    command.run(main)
