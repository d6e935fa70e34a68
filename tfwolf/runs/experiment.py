"""The experiment of a configuration: a model and the images to train it on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tfwolf.core.parts import Factory, register
from tfwolf.core.tensor_float_32 import TF32
from tfwolf.core.value_range import SCALE_ADVICE
from tfwolf.data.data_record import DataRecord
from tfwolf.data.dataset import ImageDataset
from tfwolf.data.registry import PLACES
from tfwolf.data.sources import DataSource, check_options, load_dataset
from tfwolf.models.wolf import Wolf
from tfwolf.nets.precision import check_precision


@register(name='experiment')
class Experiment:
    """A model and its images; in gin files `experiment`.

    Args:
        model: makes the model, called with (image_shape, seed); in gin `@Wolf`.
        dataset: loads the images, called with (data_dir, download); in gin `@dataset`.
        image_shape: (height, width, channels) of the images; None reads it from the data set.
        precision: type in which all networks compute: 'bfloat16', 'float32', or 'full' for the type
            of their weights; None uses the `compute_dtype` of each network. Log-determinants,
            actnorm, 1x1 convolutions and priors always compute in the type of the weights. 'tf32'
            is float32, but GPUs may use TF32 for all products of a training step.

    Attributes:
        tf32: whether the precision is 'tf32'.

    Raises:
        ValueError: if the model or the images are missing, or an argument is invalid.
    """

    def __init__(
        self,
        model: Callable | None = None,
        dataset: Callable | None = None,
        image_shape: Sequence[int] | None = None,
        precision: str | None = None,
    ) -> None:
        if model is None or dataset is None:
            raise ValueError(
                'Nothing to train: bind `experiment.model` and `experiment.dataset`, or use one of '
                'the shipped files, for example --gin_file=digits.'
            )
        check_precision(precision)
        self._make_model = model
        self.tf32: bool = precision == TF32
        if precision is not None and isinstance(model, Factory):
            compute_dtype = {'full': None, TF32: 'float32'}.get(precision, precision)
            self._make_model = model.map(
                lambda part: (
                    {'compute_dtype': compute_dtype} if part.accepts('compute_dtype') else {}
                )
            )
        if parts := _source_parts(dataset):
            check_options(*parts)
        self._load_dataset = dataset
        self._image_shape = None if image_shape is None else _checked_shape(image_shape)

    @property
    def source(self) -> str | None:
        """The source of the images, such as 'tfds:cifar10'; None for images passed from Python."""
        return (
            self._load_dataset.arguments.get('source')
            if isinstance(self._load_dataset, Factory)
            else None
        )

    def open_dataset(
        self,
        data_dir: str | None = None,
        download: bool = False,
        record: DataRecord | None = None,
    ) -> ImageDataset:
        """Return the images as an `ImageDataset`.

        Args:
            data_dir: folder of TensorFlow Datasets, for a source that reads it.
            download: whether missing data may be downloaded.
            record: what the run stored whose images these are; None for a new run.

        Raises:
            ValueError: if the images are not available, or do not have the shape `image_shape`.
        """
        if parts := _source_parts(self._load_dataset):
            dataset = DataSource(*parts).load(data_dir, download, record)
        else:
            dataset = self._load_dataset(data_dir=data_dir, download=download)
        if self._image_shape not in (None, dataset.image_shape):
            raise ValueError(
                f'`experiment.image_shape` is {self._image_shape}, but the images of '
                f'{dataset.name!r} are {dataset.image_shape} (height, width, channels). Set '
                f'`experiment.image_shape = {dataset.image_shape}` for a model of their shape.'
            )
        return dataset

    def make_model(self, image_shape: Sequence[int], seed: int, **changes: Any) -> Wolf:
        """Return a new model for images of a shape.

        Args:
            image_shape: (height, width, channels).
            seed: integer, seed of the initial weights.
            **changes: further arguments of `Wolf`, which win over the configuration.
        """
        return self._make_model(image_shape=tuple(image_shape), seed=seed, **changes)

    def make_model_for(self, dataset: ImageDataset, seed: int) -> Wolf:
        """Return a new model for the images of an `ImageDataset`.

        Args:
            dataset: the `ImageDataset`.
            seed: integer, seed of the initial weights.

        Raises:
            ValueError: if the shape or the number of classes of the images does not fit the model.
        """
        model = self.make_model(dataset.image_shape, seed)
        if model.image_shape != tuple(dataset.image_shape):
            raise ValueError(
                f'The model is for images of {model.image_shape}, but those of {dataset.name!r} '
                f'are {dataset.image_shape} (height, width, channels).'
            )
        if model.values.image_type.name != dataset.image_type:
            raise ValueError(
                f'The model is for values of type {model.values.image_type.name} '
                f'(num_bits = {model.num_bits}), but those of {dataset.name!r} are '
                f'{dataset.image_type}. uint8 needs `Wolf.num_bits` from 1 to 8, uint16 from 9 to '
                '16, and float32 `Wolf.num_bits = None` for a density of continuous values.'
                f'{SCALE_ADVICE if dataset.image_type == "float32" else ""}'
            )
        if model.latent.num_classes not in (None, dataset.num_classes):
            raise ValueError(
                f'`{type(model.latent).__name__}.num_classes` is {model.latent.num_classes}, but '
                f'{dataset.name!r} has {dataset.num_classes or "no"} class labels.'
            )
        return model

    def find_image_shape(
        self, data_dir: str | None = None, record: DataRecord | None = None
    ) -> tuple[int, int, int]:
        """Return (height, width, channels), from the images only if nothing else tells it.

        Args:
            data_dir: folder of TensorFlow Datasets, for a source that reads it.
            record: what the run stored of its images; None for no run.
        """
        return (
            self._image_shape
            or (record and record.image_shape)
            or self.open_dataset(data_dir, download=False, record=record).image_shape
        )


def _source_parts(dataset: Callable) -> tuple[str, dict[str, Any]] | None:
    """Return the source and the options of images that gin files name; None for others."""
    if not (isinstance(dataset, Factory) and dataset.target is load_dataset):
        return None
    options = {name: value for name, value in dataset.arguments.items() if name not in PLACES}
    source = options.pop('source', None)
    return None if source is None else (source, options)


def given_parts(model: Wolf | Callable | None, dataset: ImageDataset | None) -> dict[str, Callable]:
    """Return the arguments of `Experiment` for a model and images made in Python.

    Args:
        model: a function of (image_shape, seed) that returns a `Wolf`, or a `Wolf`; None uses the
            configured one.
        dataset: an `ImageDataset`; None uses the configured one.
    """
    given: dict[str, Callable] = {}
    if model is not None:
        given['model'] = model if not isinstance(model, Wolf) else (lambda image_shape, seed: model)
    if dataset is not None:
        given['dataset'] = lambda data_dir, download: dataset
    return given


def _checked_shape(image_shape: Sequence[int]) -> tuple[int, int, int]:
    if len(image_shape) != 3:
        raise ValueError(
            '`experiment.image_shape` must be (height, width, channels); got '
            f'image_shape={image_shape!r}.'
        )
    height, width, channels = image_shape
    return height, width, channels
