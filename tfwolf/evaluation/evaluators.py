"""What is computed of a model besides its likelihood. A new evaluator is a class of its own, named
in `evaluation.evaluators`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Protocol

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

    One that has the attribute `on_chief_alone = True` runs in one process of a cluster only; all
    others must be run by every process."""

    def __call__(self, assessment: Assessment) -> dict:
        """Returns `{name: JSON value}`, what is added to the result. Values of single images go
        into `assessment.columns`.
        """


@register
class UnusualImages:
    """How unusual each image is for the model: the dicts `typicality` and `complexity` and the line
    `likelihood_caveat`.

    Args:
        num_samples: number of the model's own samples that images are compared with, at least 2.
    """

    def __init__(self, num_samples: int = 64):
        self._num_samples = validate.integer('num_samples', num_samples, minimum=2)

    def __call__(self, assessment: Assessment) -> dict:
        """Returns the three; see `tfwolf.evaluation.outliers`."""
        model, bits_per_dim = assessment.model, assessment.columns['bits_per_dim']
        samples = finite_samples(model, self._num_samples, assessment.seed)
        of_samples = np.empty(0)
        if samples.num_examples:
            of_samples, _ = image_bits_per_dim(
                assessment.terms(f'samples of {self._num_samples}', samples), model.num_dims
            )
            # A sample can be finite and its likelihood not.
            of_samples = of_samples[np.isfinite(of_samples)]
        typical = {'num_samples': len(of_samples)}
        if len(of_samples) >= 2:
            distance = typicality(bits_per_dim, of_samples)
            low, high = np.quantile(of_samples, [0.025, 0.975])
            typical.update(
                samples_bits_per_dim=of_samples.mean(),
                samples_bits_per_dim_std=of_samples.std(ddof=1),
                mean_distance=distance.mean(),
                mean_absolute_distance=np.abs(distance).mean(),
                share_outside_95_percent_of_samples=np.mean(
                    (bits_per_dim < low) | (bits_per_dim > high)
                ),
            )
            assessment.columns['typicality'] = distance
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
            'typicality': {
                name: float(value) if name != 'num_samples' else value
                for name, value in typical.items()
            },
            'complexity': {
                'coders': list(CODERS),
                'coded_bits_per_dim': float(coded.mean()),
                'corrected_bits_per_dim': float(corrected.mean()),
                'rank_correlation': correlation,
            },
            'likelihood_caveat': caveat,
        }


@register
class NumericalChecks:
    """Whether the flow inverts exactly and samples are finite: the dicts `reconstruction` and
    `non_finite_samples`, the list `invertibility`.

    Args:
        num_images: on how many of the first images, and on how many samples per temperature.
    """

    on_chief_alone = True

    def __init__(self, num_images: int = 64):
        self._num_images = validate.integer('num_images', num_images, minimum=1)

    def __call__(self, assessment: Assessment) -> dict:
        """Returns the three; see `tfwolf.evaluation.numerics` and
        `tfwolf.evaluation.invertibility`.
        """
        model, seed = assessment.model, assessment.seed
        examples = assessment.split.load(
            tf.range(min(self._num_images, assessment.split.num_examples), dtype=tf.int64)
        )
        images, labels = examples['image'], examples['label']
        return {
            'reconstruction': reconstruction_errors(model, images, labels),
            'non_finite_samples': non_finite_samples(model, self._num_images, seed),
            'invertibility': invertibility_report(model, images, seed, labels),
        }


@register(name='evaluation')
@dataclasses.dataclass(frozen=True)
class EvaluationSettings:
    """How a model is evaluated; in gin files `evaluation`.

    Attributes:
        evaluators: what is computed besides the likelihood, an `Evaluator` each.
    """

    evaluators: Sequence[Evaluator] = (UnusualImages(), NumericalChecks())

    def __post_init__(self):
        for evaluator in self.evaluators:
            if not callable(evaluator):
                raise ValueError(
                    '`evaluation.evaluators` must be evaluators, such as @NumericalChecks(); got '
                    f'{evaluator!r}.'
                )
