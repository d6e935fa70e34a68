"""Training from the first image to the last picture: what a run goes through, in its order."""

from __future__ import annotations

import dataclasses
import os
import time

from tfwolf.core import files
from tfwolf.core.progress import progress_bar
from tfwolf.evaluation.likelihood import evaluate_likelihood
from tfwolf.evaluation.provenance import provenance
from tfwolf.models.initialization import initialize
from tfwolf.models.preparation import conclude_preparation, preparing_model
from tfwolf.training import run_directory
from tfwolf.training.checkpoints import Checkpoints, find_checkpoint, has_checkpoint
from tfwolf.training.loop import Loop, initial_images
from tfwolf.training.run import TrainingRun
from tfwolf.training.step import TrainStep
from tfwolf.training.summaries import Summaries


def train(run: TrainingRun, last_step: int) -> TrainStep:
    """Trains until `last_step` steps are done, from the latest checkpoint if there is one; returns
    the `TrainStep`.

    What the flow has to be prepared by comes first; see `tfwolf.models.preparation`.

    Raises:
        ValueError: if the checkpoint is of another model, or damaged.
        RuntimeError: if too many steps in a row had to be skipped, or a checkpoint cannot be
            written.
        KeyboardInterrupt: after Ctrl-C, with a checkpoint saved.
    """
    if run.model.flow.preparation is not None and not run.workers.from_chief(
        has_checkpoint(run.train_dir)
    ):
        _prepare(run)
    step, loop = _start(run)
    loop.run(last_step)
    loop.draw_pictures(last_step)
    return step


def initialize_run(run: TrainingRun) -> None:
    """Initialises the model from the first training images."""
    started = time.perf_counter()
    images, labels = initial_images(run.dataset.train, run.settings.init_batch_size)
    with progress_bar(len(images), 0, 'Initialising', 'image', run.shows_progress) as bar:
        initialize(run.model, images, run.seed, progress=run.checking(bar), labels=labels)
    run.say(f'Initialised from {len(images):,} images in {time.perf_counter() - started:.1f} s')


def evaluate_test(run: TrainingRun, step: TrainStep) -> dict:
    """Evaluates on the test images with the weights that are for it; returns the result, which the
    chief also writes.
    """
    settings, split = run.settings, run.dataset.test
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
    if run.workers.is_chief:
        checkpoint = find_checkpoint(run.train_dir, 'latest')
        result |= provenance(run.dataset, 'test', split, checkpoint, step.weights_name, run.seed)
        files.write_json(os.path.join(run.train_dir, run_directory.EVALUATION), result)
    return result


def _start(run: TrainingRun) -> tuple[TrainStep, Loop]:
    """Returns the step and the loop of a run, continued from its latest checkpoint or newly
    initialised.
    """
    step = run.make_step()
    checkpoints = Checkpoints(
        run.train_dir,
        run.model,
        step.optimizer,
        step,
        run.settings.keep_checkpoints,
        run.workers.is_chief,
    )
    summaries = Summaries(run.train_dir, run.workers.is_chief)
    restored = run.workers.from_chief(run.workers.is_chief and checkpoints.restore())
    if not restored:
        initialize_run(run)
    run.workers.copy_from_chief(run.model, step.optimizer, step)
    if restored:
        run.say(f'Continuing from step {int(step.step.numpy()):,}')
    elif run.model.flow.preparation is not None:
        # What the seed gives can be had again in a moment, what phase 1 found cannot.
        checkpoints.save()
    for name, text in run.texts.items():
        summaries.text(name, text, 0)
    return step, Loop(run, step, checkpoints, summaries)


def _prepare(run: TrainingRun) -> None:
    """Trains what has to come first, in a folder of its own, and hands the model what was measured
    on it.
    """
    num_steps = run.model.flow.preparation.num_steps
    run.say(f'Phase 1: {num_steps:,} steps before training')
    started = time.perf_counter()
    folder = os.path.join(run.train_dir, run_directory.PREPARATION)
    if run.workers.is_chief:
        os.makedirs(folder, exist_ok=True)
    with run.strategy.scope():
        first = preparing_model(run.model)
    _start(dataclasses.replace(run, model=first, train_dir=folder))[1].run(num_steps)
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
    run.say(f'Phase 1 done after {(time.perf_counter() - started) / 60:.1f} minutes')
