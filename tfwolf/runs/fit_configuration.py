"""Train the model of a configuration in the folder of its run, or continue there."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time

from tfwolf.core import files
from tfwolf.core.choices import SPLITS
from tfwolf.core.paths import for_tensorflow
from tfwolf.data.data_record import RULES, record_of, summary
from tfwolf.runs.config_text import bindings, modernized
from tfwolf.runs.configuration import Configuration
from tfwolf.runs.environment import Environment
from tfwolf.runs.pretrained_names import pretrained_name
from tfwolf.runs.remembered import (
    remember_data_dir,
    remember_determinism,
    remembered_data_dir,
)
from tfwolf.runs.run import Run
from tfwolf.runs.run_data import check_labels, keep_record, read_record, without_places
from tfwolf.runs.source_paths import with_absolute_sources
from tfwolf.runs.weight_sources import start_from
from tfwolf.training import run_directory
from tfwolf.training.checkpoint_files import checkpoint_path
from tfwolf.training.checkpoints import LATEST, find_checkpoint, has_checkpoint
from tfwolf.training.interrupts import Interrupts
from tfwolf.training.memory import check_training
from tfwolf.training.procedure import evaluate_test, introduce, train
from tfwolf.training.run import TrainingRun
from tfwolf.training.settings import Settings
from tfwolf.training.strategy import check_batch_size
from tfwolf.training.training_lock import TrainingLock
from tfwolf.training.weights_origin import describe_origin, write_origin
from tfwolf.training.workers import Workers


def fit_configuration(
    configuration: Configuration,
    settings: Settings,
    train_dir: str,
    seed: int,
    environment: Environment,
    process_started: float | None = None,
    init_from: str | os.PathLike[str] | None = None,
) -> Run:
    """Train the model of a `Configuration`; see `fit`.

    Args:
        configuration: the `Configuration`.
        settings: its `Settings`, possibly changed.
        train_dir, seed, environment: as in `fit`.
        process_started: `time.perf_counter()` at the start of the process; None for now.
        init_from: as in `fit`.
    """
    if pretrained_name(train_dir) is not None:
        raise ValueError(
            f'{train_dir} is a pretrained model. It cannot be trained further in place; name the '
            f'folder of a new run, and start it from these weights with --init_from={train_dir}.'
        )
    if environment.data_dir is None:
        environment = dataclasses.replace(environment, data_dir=remembered_data_dir(train_dir))
    train_dir = for_tensorflow('train_dir', train_dir)
    experiment = configuration.experiment()
    strategy = environment.make_strategy()
    workers = Workers(strategy)
    started = process_started or time.perf_counter()
    with workers.together(), contextlib.ExitStack() as stack:
        check_batch_size(strategy, settings.batch_size)
        stored = read_record(train_dir)
        dataset = experiment.open_dataset(environment.data_dir, environment.download, stored)
        if settings.batch_size > dataset.train.num_examples:
            raise ValueError(
                f'`train.batch_size` must be at most {dataset.train.num_examples}, the number of '
                f'training images; got {settings.batch_size}.'
            )
        # Images are read while the model is built.
        dataset.train.prefetch()
        with strategy.scope():
            model = experiment.make_model_for(dataset, seed)
        check_training(model, settings, strategy)
        check_labels(model, dataset, *(SPLITS if settings.test_samples else SPLITS[:2]))
        rules = RULES if stored is None else stored.rules
        found = record_of(dataset, rules, experiment.source)
        text = configuration.text_with_seed(seed)
        about = text, settings.max_steps, dataset.title, summary(found), os.fspath(init_from or '')
        workers.check_alike(repr(about))
        resume_from = None if environment.checkpoint == 'latest' else str(environment.checkpoint)
        lock = TrainingLock(train_dir)
        continues = bool(workers.from_chief(workers.is_chief and has_checkpoint(train_dir)))
        starts_from = None if continues or init_from is None else os.fspath(init_from)
        origin = None
        if workers.is_chief:
            run_directory.check(train_dir)
            if resume_from is not None:
                find_checkpoint(train_dir, resume_from)
            if starts_from is not None:
                origin = start_from(model, starts_from)
            stack.enter_context(lock)
            run_directory.prepare(
                train_dir,
                text,
                lambda text: without_places(
                    with_absolute_sources(bindings(modernized(text))), stored
                ),
                environment.resume,
                environment.override_config,
            )
            dataset = keep_record(dataset, found, train_dir, stored, environment)
            files.write_text(os.path.join(train_dir, run_directory.CONFIG), text)
            if not continues:
                write_origin(train_dir, origin)
            remember_data_dir(train_dir, environment.data_dir)
            remember_determinism(train_dir, environment.deterministic)
            files.write_text(
                os.path.join(train_dir, 'operative_config.gin'), configuration.operative_text
            )

        def agree(number: int) -> int:
            lock.check()
            return workers.agree_on_signal(number)

        with Interrupts(agree) as interrupts:
            run = TrainingRun(
                model,
                dataset,
                settings,
                strategy,
                train_dir,
                seed,
                environment.xla,
                {'config': text, 'operative_config': configuration.operative_text},
                workers,
                interrupts,
                started,
                environment.verbose,
                resume_from,
                experiment.tf32,
                starts_from=describe_origin(origin) if origin else starts_from,
            )
            introduce(run)
            if continues and init_from is not None:
                run.say(f'The run has its own checkpoints: {init_from} is not used')
            step = train(run, settings.max_steps)
            result = evaluate_test(run, step) if settings.test_samples else None
        weights = step.weights_name
        if step.averages is not None:
            step.averages.adopt()
    # Only the chief writes checkpoints, and other workers may not see its folder.
    checkpoint = (
        find_checkpoint(train_dir, 'latest')
        if workers.is_chief
        else checkpoint_path(os.path.join(train_dir, LATEST), int(step.step.numpy()))
    )
    return Run(
        model,
        configuration,
        train_dir,
        checkpoint,
        weights,
        experiment,
        environment,
        strategy,
        result,
        experiment.tf32,
    )
