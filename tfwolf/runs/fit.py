"""Train a model from Python: a shipped configuration, a gin file, or parts made in Python."""

from __future__ import annotations

import ast
import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import Any

from tfwolf.core.messages import did_you_mean
from tfwolf.core.parts import Factory
from tfwolf.core.paths import expanded
from tfwolf.data.given import as_dataset
from tfwolf.models.wolf import Wolf
from tfwolf.runs.configuration import Configuration, read_configuration
from tfwolf.runs.environment import Environment
from tfwolf.runs.experiment import given_parts
from tfwolf.runs.fit_configuration import fit_configuration
from tfwolf.runs.run import Run
from tfwolf.runs.run_data import read_record
from tfwolf.training.settings import Settings


def fit(
    config: str | Sequence[str] = (),
    train_dir: str | os.PathLike | None = None,
    *,
    model: Wolf | Callable | None = None,
    images: Any = None,
    seed: int = 0,
    params: Sequence[str] = (),
    environment: Environment = Environment(),
    init_from: str | os.PathLike | None = None,
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
        images: images instead of those of `config`: an array `[num_images, height, width,
            channels]` of uint8, uint16 or floats, vectors `[n, features]`, a pair of images and
            labels, a `tf.data.Dataset`, a folder, or an `ImageDataset`; see
            `tfwolf.data.given.as_dataset`.
        seed: integer from which initial weights, the order of images and all noise are derived.
        params: gin bindings that win over `config`, such as 'Wolf.num_bits = 5'.
        environment: an `Environment`: devices, data folder, and other settings that do not change
            results.
        init_from: where a new run takes its first weights from, instead of initializing them: the
            folder of a run or of an exported model, 'pretrained:NAME', or another of
            `tfwolf.runs.weight_sources.start_from`. A run that is continued has its own.
        **settings: attributes of `tfwolf.Settings`, such as `max_steps` and `batch_size`; they win
            over `config` and `params`.

    Raises:
        ValueError: if an argument is invalid, the folder contains other files, another process
            trains in it, or the weights of `init_from` do not fit the model.
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
    return fit_configuration(
        configuration, chosen, train_dir, seed, environment, init_from=init_from
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
