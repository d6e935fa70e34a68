"""The procedure of a training run, from initialization to the evaluation on the test images."""

from __future__ import annotations

import dataclasses
import os
import time

from tfwolf.core import files
from tfwolf.core.progress import progress_bar
from tfwolf.core.variables import count_parameters
from tfwolf.data.moments import channel_moments
from tfwolf.evaluation.likelihood import evaluate_likelihood
from tfwolf.evaluation.provenance import provenance
from tfwolf.models.initialization import initialize
from tfwolf.models.preparation import conclude_preparation, preparing_model
from tfwolf.models.values import ContinuousValues
from tfwolf.training import run_directory
from tfwolf.training.checkpoints import Checkpoints, find_checkpoint, has_checkpoint
from tfwolf.training.curves import COLUMNS, CONTINUOUS_COLUMNS
from tfwolf.training.initial_images import initial_images
from tfwolf.training.loop import Loop
from tfwolf.training.run import TrainingRun
from tfwolf.training.step import TrainStep
from tfwolf.training.summaries import Summaries
from tfwolf.training.weights_origin import origin_in_results


def introduce(run: TrainingRun) -> None:
    """Say what is trained, on what, with how many devices."""
    dataset = run.dataset
    for note in dataset.notes:
        run.say(note)
    run.say(
        f'{dataset.title}: {dataset.train.num_examples:,} training, '
        f'{dataset.validation.num_examples:,} validation, '
        f'{dataset.test.num_examples:,} test {dataset.kind}'
    )
    condition = run.model.condition
    given = '' if condition is None else f'conditioned on {condition.description}, '
    workers = f' of {run.workers.count} workers' if run.workers.count > 1 else ''
    run.say(
        f'{count_parameters(run.model):,} parameters, z of {run.model.latent.dim} dimensions, '
        f'{given}'
        f'{run.strategy.num_replicas_in_sync} '
        f'replica(s){workers}, networks in {run.arithmetic}; '
        f'built after {time.perf_counter() - run.process_started:.1f} s'
    )


def train(run: TrainingRun, last_step: int) -> TrainStep:
    """Train until `last_step` steps are done, from a checkpoint if there is one.

    If the flow needs a preparation, it comes first; see `tfwolf.models.preparation`. A run that
    starts from other weights has its result in them.

    Args:
        run: the `TrainingRun`.
        last_step: number of steps.

    Returns:
        The `TrainStep`.

    Raises:
        ValueError: if the checkpoint belongs to another model, or is damaged.
        RuntimeError: if training diverges, or a file cannot be written.
        KeyboardInterrupt: after Ctrl-C, with a checkpoint saved.
    """
    preparation = run.model.flow.preparation
    if (
        preparation is not None
        and run.starts_from is None
        and not run.workers.from_chief(has_checkpoint(run.folder))
    ):
        _prepare(run, preparation.num_steps)
    step, loop = _start(run)
    loop.run(last_step)
    loop.pictures.draw(last_step)
    return step


def initialize_run(run: TrainingRun) -> None:
    """Initialize the model from the first training images.

    Shift and scale of continuous values are those of all training images.
    """
    started = time.perf_counter()
    if isinstance(run.model.values, ContinuousValues):
        run.model.values.fit(*channel_moments(run.dataset.train))
    images, labels = initial_images(run.dataset.train, run.settings.init_batch_size)
    with progress_bar(len(images), 0, 'Initializing', 'image', run.shows_progress) as bar:
        initialize(run.model, images, run.seed, progress=run.checking(bar), labels=labels)
    run.say(f'Initialized from {len(images):,} images in {time.perf_counter() - started:.1f} s')


def evaluate_test(run: TrainingRun, step: TrainStep) -> dict:
    """Evaluate on the test images, and return the result, which the chief writes to a file.

    The model is evaluated with its averaged weights, if there are any, on at most
    `settings.test_images` images.
    """
    settings, split = run.settings, run.dataset.test
    if settings.test_images and settings.test_images < split.num_examples:
        run.say(
            f'Evaluating on the first {settings.test_images:,} of {split.num_examples:,} test '
            'images (train.test_images)'
        )
        split = split.take(settings.test_images)
    bar = progress_bar(split.num_examples, 0, 'Evaluating on test', 'image', run.shows_progress)
    with step.weights_to_evaluate(), bar:
        result = evaluate_likelihood(
            run.model,
            split,
            settings.evaluation_batch_size,
            settings.test_samples,
            run.seed,
            run.strategy,
            run.checking(bar),
        )
    if run.dataset.entropy_nats is not None:
        result['entropy_nats'] = run.dataset.entropy_nats
    if run.workers.is_chief:
        checkpoint = find_checkpoint(run.folder, 'latest')
        result |= provenance(
            run.dataset, 'test', split, checkpoint, step.weights_name, run.seed, run.arithmetic
        )
        result |= origin_in_results(run.folder)
        files.write_json(os.path.join(run.folder, run_directory.EVALUATION), result)
    return result


def _start(run: TrainingRun) -> tuple[TrainStep, Loop]:
    """Return the step and the loop of a run, restored from a checkpoint or initialized."""
    step = run.make_step()
    checkpoints = Checkpoints(
        run.folder,
        run.model,
        step.optimizer,
        step,
        run.settings.keep_checkpoints,
        run.workers.is_chief,
    )
    restored = run.workers.from_chief(run.workers.is_chief and checkpoints.restore(run.resume_from))
    if not restored and run.starts_from is None:
        initialize_run(run)
    run.workers.copy_from_chief(run.model, step.optimizer, step)
    if restored:
        run.say(f'Continuing from step {int(step.step.numpy()):,}')
    elif run.starts_from is not None:
        run.say(f'Starting from {run.starts_from}')
        # So that the run continues without them.
        checkpoints.save()
    elif run.model.flow.preparation is not None:
        # Initialization can be repeated quickly, the preparation cannot.
        checkpoints.save()
    # An optimizer of the user's own may have none.
    for note in getattr(step.optimizer, 'notes', lambda num_updates: ())(run.settings.max_steps):
        run.say(note)
    columns = CONTINUOUS_COLUMNS if run.model.values.is_continuous else COLUMNS
    summaries = Summaries(run.folder, int(step.step.numpy()), run.workers.is_chief, columns)
    for name, text in run.texts.items():
        summaries.text(name, text, 0)
    return step, Loop(run, step, checkpoints, summaries)


def _prepare(run: TrainingRun, num_steps: int) -> None:
    """Train the preparation of the flow in a separate folder, and pass its result to the model."""
    run.say(f'Phase 1: {num_steps:,} steps of preparation before training')
    started = time.perf_counter()
    folder = os.path.join(run.folder, run_directory.PREPARATION)
    if run.workers.is_chief:
        os.makedirs(folder, exist_ok=True)
    with run.strategy.scope():
        first = preparing_model(run.model)
    _start(dataclasses.replace(run, model=first, train_dir=folder, resume_from=None))[1].run(
        num_steps
    )
    with progress_bar(
        run.dataset.train.num_examples, 0, 'Measuring', 'image', run.shows_progress
    ) as bar:
        conclude_preparation(
            run.model,
            first,
            run.dataset.train,
            run.settings.evaluation_batch_size,
            run.seed,
            run.checking(bar),
        )
    run.say(f'Phase 1 finished after {(time.perf_counter() - started) / 60:.1f} minutes')
