"""Evaluates a run: `python -m tfwolf.evaluate --train_dir=runs/digits --split=test --num_samples=5`."""
from tfwolf import quiet  # isort: skip  (before anything that imports TensorFlow)

import json
import os

from absl import flags
import tensorflow as tf

from tfwolf import command, validate
from tfwolf.evaluation.fingerprint import data_fingerprint, software_versions
from tfwolf.evaluation.invertibility import invertibility_report, worst_layers
from tfwolf.evaluation.likelihood import evaluate_likelihood
from tfwolf.evaluation.soundness import non_finite_samples, reconstruction_errors
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
DIAGNOSTICS = flags.DEFINE_bool('diagnostics', True, 'Also report exactness of reconstruction, broken samples and each layer.')
NUM_DIAGNOSED = flags.DEFINE_integer('num_diagnosed', 64, 'Images, and samples per temperature, of the diagnostics.', lower_bound=2)

# Two-sided 95 % of a normal distribution, in standard errors.
QUANTILE_95 = 1.959964


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
    seed = command.SEED.value
    with strategy.scope():
        model = parts.make_model_for(dataset, seed)
    restore_model(model, path)
    split = getattr(dataset, SPLIT.value)
    if NUM_IMAGES.value is not None:
        split = split.take(validate.integer('num_images', NUM_IMAGES.value, minimum=1))
    with progress_bar(split.num_examples, 0, f'Evaluating on {SPLIT.value}', 'image') as bar:
        result = evaluate_likelihood(model, split, BATCH_SIZE.value, NUM_SAMPLES.value, seed, strategy, bar.update)
    half_width = QUANTILE_95 * result['bits_per_dim_stderr']
    result['bits_per_dim_interval_95'] = [result['bits_per_dim'] - half_width, result['bits_per_dim'] + half_width]
    result['iwae_gap_bits_per_dim'] = result['bits_per_dim'] - result['bits_per_dim_iwae']
    result.update({'dataset': dataset.name, 'split': SPLIT.value, 'checkpoint': os.path.basename(path), 'seed': seed,
                   'data_fingerprint': data_fingerprint(split), 'versions': software_versions()})
    output = os.path.join(train_dir, run_directory.EVALUATION)
    # What has been computed is written before anything else can fail.
    run_directory.write_text(output, json.dumps(result, indent=2) + '\n')
    if DIAGNOSTICS.value:
        result.update(_diagnostics(model, split, seed))
        run_directory.write_text(output, json.dumps(result, indent=2) + '\n')
    _report(result)
    print(f'Written to {output}')


def _diagnostics(model, split, seed):
    examples = split.load(tf.range(min(NUM_DIAGNOSED.value, split.num_examples), dtype=tf.int64))
    images, labels = examples['image'], examples['label']
    return {'reconstruction': reconstruction_errors(model, images, labels),
            'non_finite_samples': non_finite_samples(model, NUM_DIAGNOSED.value, seed),
            'invertibility': invertibility_report(model, images, seed, labels)}


def _report(result):
    for name, value in result.items():
        if isinstance(value, float):
            print(f'{name:26}{value:.4f}')
        elif name == 'bits_per_dim_interval_95':
            print(f'{name:26}{value[0]:.4f} to {value[1]:.4f}')
        elif isinstance(value, dict):
            print(f'{name:26}{", ".join(f"{key}: {part}" for key, part in value.items())}')
        elif not isinstance(value, list):
            print(f'{name:26}{value}')
    if 'invertibility' in result:
        print('Layers whose inverse amplifies errors most:')
        for row in worst_layers(result['invertibility']):
            print(f'  {row["layer"]:44}{row["kind"]:20}round trip {row["round_trip_error"]:.1e}  gain {row["inverse_gain"]:.1e}')


if __name__ == '__main__':
    command.run(main)
