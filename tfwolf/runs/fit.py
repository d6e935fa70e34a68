"""Train a model from Python: a shipped configuration, a gin file, or parts made in Python."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

from tfwolf.core import files
from tfwolf.core.choices import SPLITS
from tfwolf.core.messages import did_you_mean
from tfwolf.core.parts import Factory
from tfwolf.core.paths import expanded, for_tensorflow
from tfwolf.data.data_record import RULES, record_of, summary
from tfwolf.data.given import as_dataset
from tfwolf.models.wolf import Wolf
from tfwolf.runs.config_text import bindings, modernized
from tfwolf.runs.configuration import Configuration, read_configuration
from tfwolf.runs.environment import Environment
from tfwolf.runs.experiment import given_parts
from tfwolf.runs.pretrained_names import pretrained_name
from tfwolf.runs.remembered import remember_data_dir, remembered_data_dir
from tfwolf.runs.run import Run
from tfwolf.runs.run_data import check_labels, keep_record, read_record, without_places
from tfwolf.runs.source_paths import with_absolute_sources
from tfwolf.training import run_directory
from tfwolf.training.checkpoint_files import checkpoint_path
from tfwolf.training.checkpoints import LATEST, find_checkpoint
from tfwolf.training.interrupts import Interrupts
from tfwolf.training.memory import check_training
from tfwolf.training.procedure import evaluate_test, introduce, train
from tfwolf.training.run import TrainingRun
from tfwolf.training.settings import Settings
from tfwolf.training.strategy import check_batch_size
from tfwolf.training.training_lock import TrainingLock
from tfwolf.training.workers import Workers


def fit(
    config: str | Sequence[str] = (),
    train_dir: str | os.PathLike | None = None,
    *,
    model: Wolf | Callable | None = None,
    images: Any = None,
    seed: int = 0,
    params: Sequence[str] = (),
    environment: Environment = Environment(),
    **settings: Any,
) -> Run:
    """Train a model and return the `Run`, or continue the run in `train_dir`.

    The folder contains checkpoints, TensorBoard events, curves as CSV, pictures and the
    configuration. The same call continues an interrupted run, bit for bit. Ctrl-C saves a
    checkpoint first.

    Args:
        config: name of a shipped configuration such as 'digits', path of a gin file, or several of
            them, of which later ones win.
        train_dir: folder of the run.
        model: instead of `config`: a function of (image_shape, seed) that returns a `Wolf`, or, on
            one device, a `Wolf`.
        images: images instead of those of `config`: a uint8 array `[num_images, height, width,
            channels]`, a pair of such an array and labels, a `tf.data.Dataset`, a folder, or an
            `ImageDataset`; see `tfwolf.data.given.as_dataset`.
        seed: integer from which initial weights, the order of images and all noise are derived.
        params: gin bindings that win over `config`, such as 'Wolf.num_bits = 5'.
        environment: an `Environment`: devices, data folder, and other settings that do not change
            results.
        **settings: attributes of `tfwolf.Settings`, such as `max_steps` and `batch_size`; they win
            over `config` and `params`.

    Raises:
        ValueError: if an argument is invalid, the folder contains other files, or another process
            trains in it.
        RuntimeError: if training diverges, or a file cannot be written.
        KeyboardInterrupt: after Ctrl-C.

    >>> run = tfwolf.fit('digits', train_dir, max_steps=3, params=tiny, environment=quiet)
    >>> run.model.sample(2, seed=0).shape
    TensorShape([2, 8, 8, 1])
    """
    if train_dir is None:
        raise ValueError('`train_dir` is required: the folder of the run.')
    train_dir = expanded(train_dir)
    config = [config] if isinstance(config, (str, os.PathLike)) else list(config)
    if bool(config) == (model is not None):
        raise ValueError(
            'Pass either `config`, such as "digits" or the path of a gin file, or a `model` made '
            f'in Python; got config={config or None!r} and model={model!r}.'
        )
    _check_settings(settings)
    texts = [f'train.{name} = {value!r}' for name, value in settings.items() if _is_literal(value)]
    if model is not None and images is None:
        raise ValueError(
            '`images` is required together with `model`: an array, a folder, a tf.data.Dataset or '
            'an ImageDataset.'
        )
    dataset = None if images is None else as_dataset(images, record=read_record(train_dir))
    given: dict[str, Any] = given_parts(model, dataset)
    if dataset is not None:
        given['image_shape'] = dataset.image_shape
        texts += [
            'experiment.dataset = None',
            f'experiment.image_shape = {tuple(dataset.image_shape)}',
        ]
    configuration = read_configuration(config, [*params, *texts], given=given)
    others = {name: value for name, value in settings.items() if not _is_literal(value)}
    chosen = dataclasses.replace(_settings_of(configuration), **others)
    return fit_configuration(configuration, chosen, train_dir, seed, environment)


def fit_configuration(
    configuration: Configuration,
    settings: Settings,
    train_dir: str,
    seed: int,
    environment: Environment,
    process_started: float | None = None,
) -> Run:
    """Train the model of a `Configuration`; see `fit`.

    Args:
        configuration: the `Configuration`.
        settings: its `Settings`, possibly changed.
        train_dir, seed, environment: as in `fit`.
        process_started: `time.perf_counter()` at the start of the process; None for now.
    """
    if pretrained_name(train_dir) is not None:
        raise ValueError(
            f'{train_dir} is a pretrained model. It cannot be trained further, since it has no '
            'optimizer state; name the folder of a new run.'
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
        workers.check_alike(repr((text, settings.max_steps, dataset.title, summary(found))))
        resume_from = None if environment.checkpoint == 'latest' else str(environment.checkpoint)
        lock = TrainingLock(train_dir)
        if workers.is_chief:
            run_directory.check(train_dir)
            if resume_from is not None:
                find_checkpoint(train_dir, resume_from)
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
            remember_data_dir(train_dir, environment.data_dir)
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
            )
            introduce(run)
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
    )


def _check_settings(settings: dict[str, Any]) -> None:
    known = [field.name for field in dataclasses.fields(Settings)]
    for name in settings:
        if name not in known:
            hint = did_you_mean(name, known) or f' Settings are: {", ".join(known)}.'
            raise ValueError(f'`{name}` is not an argument of fit or a training setting.{hint}')


def _settings_of(configuration: Configuration) -> Settings:
    missing = [
        name for name in ('batch_size', 'max_steps') if name not in configuration.settings.arguments
    ]
    if (
        missing
        and 'model' in configuration.experiment.arguments
        and not isinstance(configuration.experiment.arguments['model'], Factory)
    ):
        raise ValueError(f'`{missing[0]}` is required together with `model`.')
    return configuration.settings()


def _is_literal(value: Any) -> bool:
    """Return whether a value can be written in a gin file."""
    try:
        return ast.literal_eval(repr(value)) == value
    except (ValueError, SyntaxError):
        return False
