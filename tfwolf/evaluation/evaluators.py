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
from tfwolf.evaluation.likelihood import image_likelihoods
from tfwolf.evaluation.numerics import finite_samples, non_finite_samples, reconstruction_errors
from tfwolf.evaluation.outliers import CODERS, coded_bits_per_dim, likelihood_caveat, typicality

# Bits per color value of lossless coders.
MAX_CODED_BITS = 8


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
        conditions, which are not exactly those that are computed from them. There is only
        `typicality` for images of more than 8 bits or of continuous values, for which there is no
        lossless coder.
        """
        model = assessment.model
        typical = (
            {} if model.condition is not None else {'typicality': self._typicality(assessment)}
        )
        num_bits = model.num_bits
        if num_bits is None or num_bits > MAX_CODED_BITS:
            return typical
        bits_per_dim = assessment.columns['bits_per_dim']
        coded = np.concatenate(
            assessment.by_batch('file lengths', lambda images: coded_bits_per_dim(images, num_bits))
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
        model, unit = assessment.model, assessment.model.values.unit
        of_images = assessment.columns[unit.name]
        samples = finite_samples(model, self._num_samples, assessment.seed)
        of_samples = np.empty(0)
        if samples.num_examples:
            of_samples, _ = image_likelihoods(
                assessment.terms(f'samples of {self._num_samples}', samples), model.num_dims, unit
            )
            # A finite sample may have a likelihood that is not finite.
            of_samples = of_samples[np.isfinite(of_samples)]
        typical: dict[str, float] = {'num_samples': len(of_samples)}
        if len(of_samples) >= 2:
            distance = typicality(of_images, of_samples)
            low, high = np.quantile(of_samples, [0.025, 0.975])
            outside = (of_images < low) | (of_images > high)
            typical.update(
                {
                    f'samples_{unit.name}': float(of_samples.mean()),
                    f'samples_{unit.name}_std': float(of_samples.std(ddof=1)),
                    'mean_distance': float(distance.mean()),
                    'mean_absolute_distance': float(np.abs(distance).mean()),
                    'share_outside_95_percent_of_samples': float(np.mean(outside)),
                }
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
