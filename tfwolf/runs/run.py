"""A run loaded from its folder: trained model, images, configuration and evaluation."""

from __future__ import annotations

import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfwolf.core.parts import Factory
from tfwolf.data.dataset import ImageDataset
from tfwolf.data.given import as_dataset
from tfwolf.evaluation.provenance import accepted_changes, checkpoint_sha256, software_versions
from tfwolf.models.arithmetic import arithmetic
from tfwolf.models.wolf import Wolf
from tfwolf.runs.config_text import bindings, read_config
from tfwolf.runs.configuration import Configuration, read_configuration
from tfwolf.runs.environment import Environment
from tfwolf.runs.evaluation import Request, evaluate
from tfwolf.runs.experiment import Experiment, given_parts
from tfwolf.runs.pretrained import cache_folder, run_folder
from tfwolf.runs.remembered import remembered_data_dir
from tfwolf.runs.run_data import missing_images, open_data, read_record
from tfwolf.training.checkpoint_files import step_of
from tfwolf.training.checkpoints import find_checkpoint, restore_model
from tfwolf.training.weights_origin import origin_in_results
from tfwolf.training.workers import Workers

FULL_PRECISION = ("experiment.precision = 'full'",)


@dataclasses.dataclass(frozen=True)
class Run:
    """A trained model, its configuration, its images and its folder.

    Attributes:
        model: the `Wolf`, with the weights of the checkpoint.
        config: the `Configuration`; `config.text` is a gin file.
        train_dir: folder of the run.
        checkpoint: path of the checkpoint, without extension. With several workers only the chief
            writes it.
        weights: which weights the model has: 'raw' or 'averaged'.
        experiment: the `Experiment` that the configuration makes.
        environment: the `Environment` in which the run was loaded.
        strategy: the `tf.distribute` strategy in whose scope the model was made.
        test_result: after `fit`, the result of the evaluation on the test images; else None.
        tf32: whether the model was trained with TF32 in this process, with which it may share
            compiled functions.
    """

    model: Wolf
    config: Configuration
    train_dir: str
    checkpoint: str
    weights: str
    experiment: Experiment = dataclasses.field(repr=False)
    environment: Environment = dataclasses.field(repr=False)
    strategy: tf.distribute.Strategy = dataclasses.field(repr=False)
    test_result: dict | None = dataclasses.field(default=None, repr=False)
    tf32: bool = False

    @property
    def step(self) -> int:
        """Training step after which the checkpoint was saved."""
        return step_of(self.checkpoint)

    @property
    def arithmetic(self) -> str:
        """The arithmetic of the networks, such as 'float32'; see `models.arithmetic`."""
        return arithmetic(self.model, self.tf32)

    @property
    def training_seed(self) -> int | None:
        """Seed with which the model was trained, None if its folder does not say."""
        seed = bindings(read_config(self.train_dir)).get('seed')
        return None if seed is None else int(seed)

    @property
    def identity(self) -> dict:
        """The values on which results of this model depend.

        A dict with 'checkpoint', 'checkpoint_sha256', 'weights', 'arithmetic' and 'versions',
        'accepted_data_changes' if the images of the run have changed, and 'initialized_from' if it
        was started from other weights.
        """
        images = self.dataset if 'dataset' in self.__dict__ else read_record(self.train_dir)
        return {
            'checkpoint': os.path.basename(self.checkpoint),
            'checkpoint_sha256': checkpoint_sha256(self.checkpoint),
            'weights': self.weights,
            'arithmetic': self.arithmetic,
            'versions': software_versions(),
            **accepted_changes(images.accepted_changes if images else ()),
            **origin_in_results(self.train_dir),
        }

    @functools.cached_property
    def dataset(self) -> ImageDataset:
        """The `ImageDataset` on which the model was trained.

        Raises:
            ValueError: if it is not available, or has changed since the training; see
                `Environment.accept_changed_data`.
        """
        is_pretrained = cache_folder() in pathlib.Path(self.train_dir).parents
        return open_data(
            self.experiment,
            self.train_dir,
            self.environment,
            read_record(self.train_dir),
            is_pretrained,
        )

    @functools.cached_property
    def workers(self) -> Workers:
        """The `Workers` of the strategy."""
        return Workers(self.strategy)

    def evaluate(
        self,
        split: str = 'test',
        num_samples: int = 5,
        num_images: int | None = None,
        batch_size: int = 256,
        seed: int = 0,
        evaluators: Sequence[Callable] | None = None,
        save: bool = False,
    ) -> dict:
        """Return the likelihood of images and the results of further evaluators, as a dict.

        Args:
            split: 'train', 'validation' or 'test'.
            num_samples: number of samples K of z and of the dequantization noise per image.
            num_images: number of images, the first ones of the split; None for all.
            batch_size: images per batch over all replicas.
            seed: integer from which all noise is derived.
            evaluators: what to compute in addition to the likelihood, see
                `tfwolf.evaluation.evaluators`; None for those of the configuration.
            save: whether to write the result to the folder of the run and to continue an
                interrupted evaluation, as the command does.

        Raises:
            ValueError: if the split is empty, or an argument is invalid.
        """
        chosen: Sequence[Callable] = (
            self.config.evaluation().evaluators if evaluators is None else evaluators
        )
        return evaluate(
            self, Request(split, num_samples, num_images, batch_size, seed, tuple(chosen), save)
        )


def load(
    train_dir: str | os.PathLike,
    checkpoint: str | int = 'latest',
    weights: str = 'auto',
    *,
    config: Sequence[str] = (),
    params: Sequence[str] = (),
    model: Wolf | Callable | None = None,
    images: Any = None,
    environment: Environment = Environment(strategy='one_device'),
) -> Run:
    """Load the `Run` in a folder, or an imported model; other loaded runs are not affected.

    Networks compute in the type of their weights, and float32 exactly, regardless of the precision
    used in training: with bfloat16 they would be inverted less exactly.

    Args:
        train_dir: folder of the run, or 'pretrained:NAME' for a pretrained model of the package.
        checkpoint: 'latest', 'best' (on validation images) or the number of a step.
        weights: 'raw', 'averaged' or 'ema' (the same), or 'auto' for the averages where there are
            any.
        config: gin files applied on top of the run's own, such as another source of images.
        params: gin bindings applied on top of these.
        model: the `model` passed to `fit`, for a run whose model was built in Python.
        images: images instead of those of the run, as in `fit`.
        environment: an `Environment`; its `data_dir` is required if the configuration does not
            contain the size of the images.

    Raises:
        ValueError: if the folder contains no run, or the checkpoint is missing, damaged or of
            another model.

    >>> again = tfwolf.load(run.train_dir)
    >>> again.step, again.model.image_shape
    (3, (8, 8, 1))
    """
    train_dir = run_folder(train_dir)
    dataset = None if images is None else as_dataset(images, record=read_record(train_dir))
    given = given_parts(model, dataset)
    configuration = read_configuration(
        config, [*FULL_PRECISION, *params], read_config(train_dir), given
    )
    return load_configured(train_dir, configuration, str(checkpoint), weights, environment)


def load_configured(
    train_dir: str,
    configuration: Configuration,
    checkpoint: str,
    weights: str,
    environment: Environment,
) -> Run:
    """Load the `Run` in a folder with a given configuration; arguments and errors as in `load`."""
    if environment.data_dir is None:
        environment = dataclasses.replace(environment, data_dir=remembered_data_dir(train_dir))
    path = find_checkpoint(train_dir, checkpoint)
    arguments = dict(configuration.experiment.arguments)
    if (
        arguments.get('model') is None
        and arguments.get('dataset') is None
        and 'image_shape' not in arguments
    ):
        configuration.experiment()  # raises the error that nothing is bound
    if arguments.get('model') is None:
        raise ValueError(
            f'The model of {train_dir} was built in Python. Pass it to tfwolf.load as `model`, as '
            'to tfwolf.fit.'
        )
    if arguments.get('dataset') is None:
        configuration = dataclasses.replace(
            configuration,
            experiment=Factory(
                Experiment,
                {**arguments, 'dataset': missing_images(train_dir)},
                configuration.experiment.name,
            ),
        )
    experiment = configuration.experiment()
    strategy = environment.make_strategy()
    workers = Workers(strategy)
    with workers.together():
        with strategy.scope():
            shape = experiment.find_image_shape(environment.data_dir, read_record(train_dir))
            model = experiment.make_model(shape, seed=0)
        chosen = restore_model(model, path, weights)
        workers.copy_from_chief(model)
    if not model.initialized.numpy():
        raise ValueError(
            f'The model in {path} is not initialized from data: it was saved before the first '
            'step. Continue the training.'
        )
    return Run(model, configuration, train_dir, path, chosen, experiment, environment, strategy)
