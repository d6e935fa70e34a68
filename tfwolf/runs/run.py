"""A run out of its folder: its model with trained weights, its images, its configuration, its
evaluation.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfwolf.core.parts import Factory
from tfwolf.data.dataset import ImageDataset
from tfwolf.data.given import as_dataset
from tfwolf.evaluation.provenance import checkpoint_sha256, software_versions
from tfwolf.models.wolf import Wolf
from tfwolf.runs.config_text import read_config
from tfwolf.runs.configuration import Configuration, read_configuration
from tfwolf.runs.environment import Environment
from tfwolf.runs.evaluation import Request, evaluate
from tfwolf.runs.experiment import Experiment, given_parts
from tfwolf.runs.pretrained import run_folder
from tfwolf.runs.remembered import remembered_data_dir
from tfwolf.training.checkpoint_files import step_of
from tfwolf.training.checkpoints import find_checkpoint, restore_model
from tfwolf.training.workers import Workers

FULL_PRECISION = ("experiment.precision = 'full'",)


@dataclasses.dataclass(frozen=True)
class Run:
    """A trained model and everything that belongs to it.

    Attributes:
        model: the `Wolf`, with the weights of the checkpoint.
        config: the `Configuration`; `config.text` is a gin file.
        train_dir: folder of the run.
        checkpoint: path of the checkpoint, without extension; only the chief of several workers
            writes it.
        weights: which of its weights, 'raw' or 'averaged'.
        experiment: the `Experiment` that the configuration makes.
        environment: the `Environment` in which it was opened.
        strategy: the `tf.distribute` strategy in whose scope the model was made.
        test_result: after `fit`, what the evaluation on the test images gave; else None.
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

    @property
    def step(self) -> int:
        """Number of the training step after which the checkpoint was saved."""
        return step_of(self.checkpoint)

    @property
    def identity(self) -> dict:
        """What results on this model depend on: `{'checkpoint', 'checkpoint_sha256', 'weights',
        'versions'}`.
        """
        return {
            'checkpoint': os.path.basename(self.checkpoint),
            'checkpoint_sha256': checkpoint_sha256(self.checkpoint),
            'weights': self.weights,
            'versions': software_versions(),
        }

    @functools.cached_property
    def dataset(self) -> ImageDataset:
        """The `ImageDataset` that the model was trained on.

        Raises:
            ValueError: if it is not available.
        """
        return self.experiment.open_dataset(self.environment.data_dir, self.environment.download)

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
        """Returns the likelihood of images, and what further evaluators find: a dict of JSON values.

        Args:
            split: 'train', 'validation' or 'test'.
            num_samples: K, draws of z and of the dequantisation noise per image.
            num_images: how many of the first images; None for all.
            batch_size: images per batch over all replicas.
            seed: integer, of all noise.
            evaluators: what is computed besides the likelihood, see `tfwolf.evaluation.evaluators`;
                None for what the configuration says.
            save: whether the result is written to the folder of the run, as the command does, and
                an interrupted evaluation is continued.

        Raises:
            ValueError: if the split is empty, or an argument breaks its rule.
        """
        if evaluators is None:
            evaluators = self.config.evaluation().evaluators
        return evaluate(
            self, Request(split, num_samples, num_images, batch_size, seed, tuple(evaluators), save)
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
    """Returns the `Run` in a folder, or of an imported model. Other runs that are open stay as they
    are.

    Its networks compute in the type of the weights, whatever they were trained in: in bfloat16 they
        invert less exactly.

    Args:
        train_dir: folder of the run, or 'pretrained:NAME' for a pretrained model of the package.
        checkpoint: 'latest', 'best' (on validation images) or the number of a step.
        weights: 'raw', 'averaged' or 'ema' (the same), or 'auto' for the averages where there are
            any.
        config: gin files on top of the run's own, such as another source of images.
        params: gin bindings on top of these.
        model: for a run whose model was built in Python: what was given to `fit`.
        images: other images than those of the run, as in `fit`.
        environment: an `Environment`; its `data_dir` is needed where the configuration does not say
            the size of the images.

    Raises:
        ValueError: if the folder holds no run, or the checkpoint is missing, damaged or of another
            model.

    >>> again = tfwolf.load(run.train_dir)
    >>> again.step, again.model.image_shape
    (3, (8, 8, 1))
    """
    train_dir = run_folder(train_dir)
    given = given_parts(model, None if images is None else as_dataset(images))
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
    """Returns the `Run` in a folder with a configuration that was read already; arguments and
    errors as those of `load`.
    """
    if environment.data_dir is None:
        environment = dataclasses.replace(environment, data_dir=remembered_data_dir(train_dir))
    path = find_checkpoint(train_dir, checkpoint)
    arguments = dict(configuration.experiment.arguments)
    if (
        arguments.get('model') is None
        and arguments.get('dataset') is None
        and 'image_shape' not in arguments
    ):
        configuration.experiment()  # says that nothing is bound
    if arguments.get('model') is None:
        raise ValueError(
            f'The model of {train_dir} was built in Python. Give it to tfwolf.load as `model`, as '
            'it was given to tfwolf.fit.'
        )
    if arguments.get('dataset') is None:
        configuration = dataclasses.replace(
            configuration,
            experiment=Factory(
                Experiment,
                {**arguments, 'dataset': _missing_images(train_dir)},
                configuration.experiment.name,
            ),
        )
    experiment = configuration.experiment()
    strategy = environment.make_strategy()
    workers = Workers(strategy)
    with workers.together():
        with strategy.scope():
            model = experiment.make_model(experiment.find_image_shape(environment.data_dir), seed=0)
        chosen = restore_model(model, path, weights)
        workers.copy_from_chief(model)
    if not model.initialized.numpy():
        raise ValueError(
            f'{path} holds a model that was never initialised from data: it was saved before the '
            'first step. Train further.'
        )
    return Run(model, configuration, train_dir, path, chosen, experiment, environment, strategy)


def _missing_images(train_dir):
    def dataset(data_dir, download):
        raise ValueError(
            f'The images of {train_dir} were given in Python. Give them to tfwolf.load as '
            '`images`, or name a source with '
            '--gin_param="experiment.dataset = @dataset" and --gin_param="dataset.source = ...".'
        )

    return dataset
