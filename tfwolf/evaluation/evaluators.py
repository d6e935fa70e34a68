"""Evaluators: what is computed of a model in addition to its likelihood.

A custom evaluator is a registered class that is named in `evaluation.evaluators`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from tfwolf.core import validate
from tfwolf.core.parts import register
from tfwolf.evaluation.assessment import Assessment
from tfwolf.evaluation.invertibility import invertibility_report
from tfwolf.evaluation.likelihood import image_bits_per_dim
from tfwolf.evaluation.numerics import finite_samples, non_finite_samples, reconstruction_errors
from tfwolf.evaluation.outliers import CODERS, coded_bits_per_dim, likelihood_caveat, typicality


class Evaluator(Protocol):
    """Computes something of a model and images.

    In a cluster, an evaluator with the attribute `on_chief_alone = True` runs in one process only;
    all others run in every process.
    """

    def __call__(self, assessment: Assessment) -> dict[str, Any]:
        """Return `{name: value for JSON}`, which is added to the result.

        Values of single images are added to `assessment.columns`.
        """
        ...


@register
class UnusualImages:
    """How unusual each image is for the model.

    Adds the dicts `typicality` and `complexity` and the text `likelihood_caveat` to the result.

    Args:
        num_samples: number of the model's samples that images are compared with, at least 2.
    """

    def __init__(self, num_samples: int = 64) -> None:
        self._num_samples = validate.integer('num_samples', num_samples, minimum=2)

    def __call__(self, assessment: Assessment) -> dict[str, Any]:
        """Return the three; see `tfwolf.evaluation.outliers`.

        There is no `typicality` of a model with a condition: its samples were drawn for given
        conditions, which are not exactly those that are computed from them.
        """
        model, bits_per_dim = assessment.model, assessment.columns['bits_per_dim']
        typical = (
            {} if model.condition is not None else {'typicality': self._typicality(assessment)}
        )
        coded = np.concatenate(
            assessment.by_batch(
                'file lengths', lambda images: coded_bits_per_dim(images, model.num_bits)
            )
        )
        correlation, caveat = likelihood_caveat(bits_per_dim, coded)
        corrected = bits_per_dim - coded
        assessment.columns.update(
            coded_bits_per_dim=coded, complexity_corrected_bits_per_dim=corrected
        )
        return {
            **typical,
            'complexity': {
                'coders': list(CODERS),
                'coded_bits_per_dim': float(coded.mean()),
                'corrected_bits_per_dim': float(corrected.mean()),
                'rank_correlation': correlation,
            },
            'likelihood_caveat': caveat,
        }

    def _typicality(self, assessment: Assessment) -> dict[str, float]:
        """Return `typicality` of the result, and add it of each image to the columns."""
        model, bits_per_dim = assessment.model, assessment.columns['bits_per_dim']
        samples = finite_samples(model, self._num_samples, assessment.seed)
        of_samples = np.empty(0)
        if samples.num_examples:
            of_samples, _ = image_bits_per_dim(
                assessment.terms(f'samples of {self._num_samples}', samples), model.num_dims
            )
            # A finite sample may have a likelihood that is not finite.
            of_samples = of_samples[np.isfinite(of_samples)]
        typical: dict[str, float] = {'num_samples': len(of_samples)}
        if len(of_samples) >= 2:
            distance = typicality(bits_per_dim, of_samples)
            low, high = np.quantile(of_samples, [0.025, 0.975])
            outside = (bits_per_dim < low) | (bits_per_dim > high)
            typical.update(
                samples_bits_per_dim=float(of_samples.mean()),
                samples_bits_per_dim_std=float(of_samples.std(ddof=1)),
                mean_distance=float(distance.mean()),
                mean_absolute_distance=float(np.abs(distance).mean()),
                share_outside_95_percent_of_samples=float(np.mean(outside)),
            )
            assessment.columns['typicality'] = distance
        return typical


@register
class NumericalChecks:
    """Whether the flow inverts exactly and samples are finite.

    Adds the dicts `reconstruction` and `non_finite_samples` and the list `invertibility` to the
    result.

    Args:
        num_images: number of images, the first ones, and of samples per temperature.
    """

    on_chief_alone = True

    def __init__(self, num_images: int = 64) -> None:
        self._num_images = validate.integer('num_images', num_images, minimum=1)

    def __call__(self, assessment: Assessment) -> dict[str, Any]:
        """Return the three; see `tfwolf.evaluation.numerics` and `.invertibility`."""
        model, seed = assessment.model, assessment.seed
        examples = assessment.split.load(
            tf.range(min(self._num_images, assessment.split.num_examples), dtype=tf.int64)
        )
        images, labels = examples['image'], examples['label']
        return {
            'reconstruction': reconstruction_errors(model, images, labels),
            'non_finite_samples': non_finite_samples(model, self._num_images, seed, images),
            'invertibility': invertibility_report(model, images, seed, labels),
        }


@register(name='evaluation')
@dataclasses.dataclass(frozen=True)
class EvaluationSettings:
    """Settings of an evaluation; in gin files `evaluation`.

    Attributes:
        evaluators: list of `Evaluator`s that run after the likelihood.
    """

    evaluators: Sequence[Evaluator] = (UnusualImages(), NumericalChecks())

    def __post_init__(self) -> None:
        for evaluator in self.evaluators:
            if not callable(evaluator):
                raise ValueError(
                    '`evaluation.evaluators` must be evaluators, such as @NumericalChecks(); got '
                    f'{evaluator!r}.'
                )
