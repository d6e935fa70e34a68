"""Trains a model: `python -m tfwolf.train --gin_file=gin/digits.gin --train_dir=runs/digits`."""
from tfwolf.quiet import PROCESS_STARTED  # isort: skip  (before anything that imports TensorFlow)

import os
import time

from absl import flags
import gin

from tfwolf import command
from tfwolf.evaluation.likelihood import evaluate_likelihood
from tfwolf.evaluation.provenance import provenance
from tfwolf.experiment import Experiment, TrainSettings
from tfwolf.models.initialization import initialize
from tfwolf.models.preparation import conclude_preparation, preparing_model
from tfwolf.training import run_directory
from tfwolf.training.averages import WeightAverages
from tfwolf.training.checkpoints import Checkpoints, find_checkpoint, has_checkpoint
from tfwolf.training.interrupts import Interrupts
from tfwolf.training.loop import Loop, initial_images
from tfwolf.progress import progress_bar
from tfwolf.training.step import TrainStep
from tfwolf.training.strategy import check_batch_size
from tfwolf.training.summaries import Summaries
from tfwolf.training.workers import Workers
from tfwolf.variables import count_parameters, trainable_variables

MAX_STEPS = flags.DEFINE_integer('max_steps', None, 'Number of steps; wins over train.max_steps.', lower_bound=1)
RESUME = flags.DEFINE_bool('resume', True, 'Continue the run in --train_dir; --noresume refuses a used folder.')
OVERRIDE_CONFIG = flags.DEFINE_bool('override_config', False, 'Continue the run although its configuration was another; shows what differs.')

# Below this a decoder has as good as no use for z.
COLLAPSED_KL_NATS = 0.5


def main():
    """Runs the command."""
    command.parse_gin(command.GIN_FILE.value, command.gin_params())
    train_dir = command.train_dir()
    try:
        train(train_dir)
    except KeyboardInterrupt as interrupt:
        saved = f'The run is saved in {train_dir}' if has_checkpoint(train_dir) else 'Nothing was trained yet'
        command.interrupted(interrupt, f'{saved}; the same command continues it.')


def train(train_dir):
    """Trains the configured experiment in `train_dir`."""
    parts, settings = Experiment(), TrainSettings()
    last_step = MAX_STEPS.value or settings.max_steps
    strategy = command.strategy()
    workers = Workers(strategy)
    with workers.together():
        _train(parts, settings, strategy, workers, train_dir, last_step)


def _train(parts, settings, strategy, workers, train_dir, last_step):
    seed = command.SEED.value
    check_batch_size(strategy, settings.batch_size)
    dataset = parts.open_dataset(command.DATA_DIR.value, command.DOWNLOAD.value)
    if settings.batch_size > dataset.train.num_examples:
        raise ValueError(f'`train.batch_size` must be at most {dataset.train.num_examples}, the number of training images; got '
                         f'{settings.batch_size}.')
    # While the model is built.
    dataset.train.prefetch()
    with strategy.scope():
        model = parts.make_model_for(dataset, seed)
    config = command.config_text()
    sizes = [split.num_examples for split in (dataset.train, dataset.validation, dataset.test)]
    workers.check_alike(repr((config, last_step, dataset.title, sizes)))
    if workers.is_chief:
        run_directory.prepare(train_dir, config, command.bindings, RESUME.value, OVERRIDE_CONFIG.value)
    print(f'{dataset.title}: {dataset.train.num_examples:,} training, {dataset.validation.num_examples:,} validation, '
          f'{dataset.test.num_examples:,} test images of {"x".join(map(str, dataset.image_shape))}')
    print(f'{count_parameters(model):,} parameters, z of {model.latent.dim} dimensions, {strategy.num_replicas_in_sync} replica(s)'
          f'{f" of {workers.count} workers" if workers.count > 1 else ""}; built after {time.perf_counter() - PROCESS_STARTED:.1f} s')
    with Interrupts(workers.agree_on_signal) as interrupts:
        if model.flow.preparation is not None and not workers.from_chief(has_checkpoint(train_dir)):
            _prepare(model, strategy, workers, dataset, settings, train_dir, seed, interrupts)
        loop = _start(model, strategy, workers, dataset, settings, train_dir, seed, interrupts)
        loop.run(last_step, PROCESS_STARTED)
        pictures = loop.draw_pictures(last_step)
        result = None
        if settings.test_samples:
            result = _evaluate_test(model, dataset, settings, strategy, workers, seed, interrupts, train_dir, loop.train_step)
    if workers.is_chief:
        _say_what_is_where(train_dir, model, result, pictures, time.perf_counter() - PROCESS_STARTED)


def _start(model, strategy, workers, dataset, settings, train_dir, seed, interrupts):
    """Returns the loop of a run, continued from its latest checkpoint or newly initialised."""
    with strategy.scope():
        optimizer = settings.optimizer(variables=trainable_variables(model))
        averages = WeightAverages(trainable_variables(model), settings.ema_decay) if settings.ema_decay else None
        train_step = TrainStep(strategy, model, optimizer, settings.objective, settings.batch_size, seed, settings.clip_norm, averages,
                               settings.accumulation_steps, settings.gradient_memory, command.XLA.value)
    checkpoints = Checkpoints(train_dir, model, optimizer, train_step, settings.keep_checkpoints, workers.is_chief)
    summaries = Summaries(train_dir, workers.is_chief)
    restored = workers.from_chief(workers.is_chief and checkpoints.restore())
    if not restored:
        _initialize(model, workers, dataset, settings, seed, interrupts)
    workers.copy_from_chief(model, optimizer, train_step)
    if restored:
        print(f'Continuing from step {int(train_step.step.numpy()):,}')
    elif model.flow.preparation is not None:
        # What the seed gives can be had again in a moment, what phase 1 found cannot.
        checkpoints.save()
    operative = gin.operative_config_str(max_line_length=120)
    if workers.is_chief:
        run_directory.write_text(os.path.join(train_dir, 'operative_config.gin'), operative)
    summaries.text('config', command.config_text(), 0)
    summaries.text('operative_config', operative, 0)
    return Loop(strategy, model, train_step, checkpoints, summaries, dataset, settings, train_dir, seed, interrupts, workers.is_chief)


def _prepare(model, strategy, workers, dataset, settings, train_dir, seed, interrupts):
    """Trains what has to come first, in a folder of its own, and hands the model what was measured on it."""
    num_steps = model.flow.preparation.num_steps
    print(f'Phase 1: {num_steps:,} steps before training')
    started = time.perf_counter()
    with strategy.scope():
        first = preparing_model(model)
    first_dir = os.path.join(train_dir, run_directory.PREPARATION)
    if workers.is_chief:
        os.makedirs(first_dir, exist_ok=True)
    _start(first, strategy, workers, dataset, settings, first_dir, seed, interrupts).run(num_steps, PROCESS_STARTED)

    def progress(count):
        interrupts.check()
        bar.update(count)

    with progress_bar(dataset.train.num_examples, 0, 'Measuring', 'image', workers.is_chief) as bar:
        conclude_preparation(model, first, dataset.train, settings.evaluation_batch_size, seed, progress)
    print(f'Phase 1 done after {(time.perf_counter() - started) / 60:.1f} minutes')


def _initialize(model, workers, dataset, settings, seed, interrupts):
    started = time.perf_counter()
    images, labels = initial_images(dataset.train, settings.init_batch_size)

    def progress(count):
        interrupts.check()
        bar.update(count)

    with progress_bar(len(images), 0, 'Initialising', 'image', workers.is_chief) as bar:
        initialize(model, images, seed, progress=progress, labels=labels)
    print(f'Initialised from {len(images):,} images in {time.perf_counter() - started:.1f} s')


def _evaluate_test(model, dataset, settings, strategy, workers, seed, interrupts, train_dir, train_step):
    def progress(count):
        interrupts.check()
        bar.update(count)

    bar = progress_bar(dataset.test.num_examples, 0, 'Evaluating on test', 'image', workers.is_chief)
    with train_step.weights_to_evaluate(), bar:
        result = evaluate_likelihood(model, dataset.test, settings.evaluation_batch_size, settings.test_samples, seed, strategy, progress)
    if not workers.is_chief:
        return result
    checkpoint = find_checkpoint(train_dir, 'latest')
    result = {**result, **provenance(dataset, 'test', dataset.test, checkpoint, train_step.weights_name, seed)}
    run_directory.write_json(os.path.join(train_dir, run_directory.EVALUATION), result)
    return result


def _say_what_is_where(train_dir, model, result, pictures, seconds):
    print(f'\nDone after {seconds / 60:.1f} minutes.')
    if result:
        kl = f', of which KL {result["kl_nats"]:.2f} nats' if model.latent.dim else ''
        print(f'Held out: {result["bits_per_dim"]:.4f} bits/dim on {result["num_images"]:,} test images{kl}')
        if model.latent.dim and result['kl_nats'] < COLLAPSED_KL_NATS:
            print(f'WARNING: the KL has collapsed ({result["kl_nats"]:.2f} nats): z holds next to nothing, and switching it changes '
                  'nothing.\n  Train longer, or help it: --gin_param="Objective.free_nats_per_dim = 0.25" or '
                  '--gin_param="Objective.kl_warmup_steps = 1000".')
    for name, place in (('checkpoints', 'checkpoints'), ('best on validation', 'best'), ('results', run_directory.EVALUATION),
                        ('configuration', run_directory.CONFIG)):
        if os.path.exists(os.path.join(train_dir, place)):
            print(f'  {name + ":":20}{os.path.join(train_dir, place)}')
    print(f'  {"pictures:":20}{", ".join(pictures)}')
    print(f'Next:\n  tensorboard --logdir={train_dir}\n  python -m tfwolf.evaluate --train_dir={train_dir} --split=test --num_samples=5')


if __name__ == '__main__':
    command.run(main)
