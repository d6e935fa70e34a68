"""Samples of a model in batches, of one class where the model has classes."""

from __future__ import annotations

from tfwolf.analysis.coder import Coder, Decoded
from tfwolf.core import validate
from tfwolf.models.wolf import Wolf


def draw_samples(
    coder: Coder,
    num_samples: int,
    seed: int,
    temperature_v: float = 1.0,
    temperature_z: float = 1.0,
    label: int | None = None,
    first: int = 0,
) -> Decoded:
    """Returns the `Decoded` samples of the model of a `Coder`: image i is `model.sample(1, seed,
    first=first + i)`.

    Args:
        coder: a `Coder`.
        num_samples: how many, at least 1.
        seed: integer; the same seed gives the same noise at every temperature.
        temperature_v, temperature_z: factors on the noise, at least 0. A z that comes from class
            labels has no temperature.
        label: class of all samples, for a model whose z comes from class labels; None draws one for
            each.
        first: number of the first sample.

    Raises:
        ValueError: if an argument breaks its rule, or there is no such class.
    """
    validate.integer('num_samples', num_samples, minimum=1)
    if label is not None:
        check_label(coder.model, label)
    return coder.sample(num_samples, seed, temperature_v, temperature_z, label, first)


def check_label(model: Wolf, label: int) -> None:
    """Checks that a model has the class `label`.

    Raises:
        ValueError: if it has no classes, or not this one.
    """
    if not model.latent.needs_labels:
        raise ValueError(
            '`label` needs a model whose z comes from class labels (ClassLatent or '
            f'LabelCondition); this one has none. Got {label}.'
        )
    if not 0 <= label < model.latent.num_classes:
        raise ValueError(
            f'`label` must be a class from 0 to {model.latent.num_classes - 1}; got {label}.'
        )
