"""What a configuration binds first: a model and the images it is for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tfwolf.core.parts import Factory, register
from tfwolf.data.dataset import ImageDataset
from tfwolf.data.registry import PLACES
from tfwolf.data.sources import check_options, load_dataset
from tfwolf.models.wolf import Wolf
from tfwolf.nets.precision import check_precision


@register(name='experiment')
class Experiment:
    """A model and the images it is for; in gin files `experiment`.

    Args:
        model: makes the model, called with (image_shape, seed); in gin `@Wolf`.
        dataset: loads the images, called with (data_dir, download); in gin `@dataset`.
        image_shape: (height, width, channels) that the model is for; None takes the data set's.
        precision: what all networks compute in, 'bfloat16', 'float32', or 'full' for the type of
            their weights; None for what each says (its `compute_dtype`). Log-determinants, actnorm,
            1x1 convolutions and priors always compute in the type of the weights.

    Raises:
        ValueError: if the model or the images are missing, or an argument breaks its rule.
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
                'Nothing to train: bind `experiment.model` and `experiment.dataset`, as the files '
                'in gin/ do, or give '
                'one of them, for example --gin_file=gin/digits.gin.'
            )
        check_precision(precision)
        self._make_model = model
        if precision is not None and isinstance(model, Factory):
            compute_dtype = None if precision == 'full' else precision
            self._make_model = model.map(
                lambda part: (
                    {'compute_dtype': compute_dtype} if part.accepts('compute_dtype') else {}
                )
            )
        if (
            isinstance(dataset, Factory)
            and dataset.target is load_dataset
            and 'source' in dataset.arguments
        ):
            options = dict(dataset.arguments)
            check_options(
                options.pop('source'),
                {name: value for name, value in options.items() if name not in PLACES},
            )
        self._load_dataset = dataset
        self._image_shape = None if image_shape is None else tuple(image_shape)

    @property
    def source(self) -> str | None:
        """The source that the images come from, such as 'tfds:cifar10'; None for images that were
        given in Python.
        """
        return (
            self._load_dataset.arguments.get('source')
            if isinstance(self._load_dataset, Factory)
            else None
        )

    def open_dataset(self, data_dir: str | None = None, download: bool = False) -> ImageDataset:
        """Returns the images.

        Args:
            data_dir: folder of TensorFlow Datasets, for a source that reads it.
            download: whether what is missing may be downloaded.

        Raises:
            ValueError: if they are not available, or have another shape than the model is for.
        """
        dataset = self._load_dataset(data_dir=data_dir, download=download)
        if self._image_shape not in (None, dataset.image_shape):
            raise ValueError(
                f'`experiment.image_shape` is {self._image_shape}, but the images of '
                f'{dataset.name!r} are '
                f'{dataset.image_shape} (height, width, channels).'
            )
        return dataset

    def make_model(self, image_shape: Sequence[int], seed: int, **changes: Any) -> Wolf:
        """Returns a new model for images of a shape; `changes` are further arguments of `Wolf`,
        which win over the configuration.
        """
        return self._make_model(image_shape=tuple(image_shape), seed=seed, **changes)

    def make_model_for(self, dataset: ImageDataset, seed: int) -> Wolf:
        """Returns a new model for the images of an `ImageDataset`.

        Raises:
            ValueError: if the model is for images of another shape, or its z comes from another
                number of class labels.
        """
        model = self.make_model(dataset.image_shape, seed)
        if model.image_shape != tuple(dataset.image_shape):
            raise ValueError(
                f'The model is for images of {model.image_shape}, and those of {dataset.name!r} '
                f'are {dataset.image_shape} (height, '
                'width, channels).'
            )
        if model.latent.num_classes not in (None, dataset.num_classes):
            raise ValueError(
                f'`{type(model.latent).__name__}.num_classes` is {model.latent.num_classes}, but '
                f'{dataset.name!r} has '
                f'{dataset.num_classes or "no"} class labels.'
            )
        return model

    def find_image_shape(self, data_dir: str | None = None) -> tuple[int, int, int]:
        """Returns (height, width, channels), from the binding if there is one, so that no data are
        needed for it.
        """
        return self._image_shape or self.open_dataset(data_dir, download=False).image_shape


def given_parts(model: Wolf | Callable | None, dataset: ImageDataset | None) -> dict[str, Callable]:
    """Returns the arguments of `Experiment` that stand for a model and images made in Python; None
    stands for what is configured.

    Args:
        model: a function of (image_shape, seed) that returns a `Wolf`, or a `Wolf`.
        dataset: an `ImageDataset`.
    """
    given: dict[str, Callable] = {}
    if model is not None:
        given['model'] = model if not isinstance(model, Wolf) else (lambda image_shape, seed: model)
    if dataset is not None:
        given['dataset'] = lambda data_dir, download: dataset
    return given
