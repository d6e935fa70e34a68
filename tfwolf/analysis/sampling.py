"""Samples of a model in batches, of one class for a model with classes."""

from __future__ import annotations

from tfwolf.analysis.coder import Coder, Decoded
from tfwolf.core import validate
from tfwolf.models.generation import Array
from tfwolf.models.wolf import Wolf


def draw_samples(
    coder: Coder,
    num_samples: int,
    seed: int,
    temperature_v: float = 1.0,
    temperature_z: float = 1.0,
    label: int | None = None,
    first: int = 0,
    condition: Array | None = None,
) -> Decoded:
    """Return `Decoded` samples; sample i is `model.sample(1, seed, first=first + i)`.

    Args:
        coder: a `Coder` of the model.
        num_samples: number of samples, at least 1.
        seed: integer; the same seed uses the same noise at every temperature.
        temperature_v: factor on the noise of v, at least 0.
        temperature_z: factor on the noise of z, at least 0. A z of class labels has no temperature.
        label: class of all samples, for a model whose z comes from class labels; None draws one
            for each sample.
        first: number of the first sample.
        condition: of each sample, as in `Wolf.sample`.

    Raises:
        ValueError: if an argument is invalid, or the model does not have the class.
    """
    validate.integer('num_samples', num_samples, minimum=1)
    if label is not None:
        check_label(coder.model, label)
    return coder.sample(num_samples, seed, temperature_v, temperature_z, label, first, condition)


def check_label(model: Wolf, label: int) -> None:
    """Check that a model has the class `label`.

    Raises:
        ValueError: if it has no classes, or not this one.
    """
    num_classes = model.latent.num_classes if model.latent.needs_labels else None
    if num_classes is None:
        raise ValueError(
            '`label` needs a model whose z comes from class labels (ClassLatent or '
            f'LabelCondition); this one has no classes. Got label={label}.'
        )
    if not 0 <= label < num_classes:
        raise ValueError(f'`label` must be a class from 0 to {num_classes - 1}; got {label}.')
