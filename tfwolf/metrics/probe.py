"""Accuracy of a simple classifier on features: the downstream evaluation of representations.

See Wolf, section 3.2, table 4.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfwolf.core import validate
from tfwolf.core.choices import CLASSIFIERS, PROTOCOLS
from tfwolf.metrics.classifiers import (
    FOLDS,
    SEARCHED_IMAGES,
    correct,
    estimate_seconds,
    fit,
    make_classifier,
    search,
)

QUANTILE_95 = 1.959964
# Features [num_images, dim] and labels [num_images].
Labelled = tuple[np.ndarray, np.ndarray]


class Probe(NamedTuple):
    """Result of a probe.

    Attributes:
        accuracy: fraction of the test images that were classified correctly.
        interval_95: (low, high), Wilson's interval over the choice of test images.
        train_accuracy: the same fraction of the training images.
        C: inverse strength of the regularisation.
        searched: `{C: accuracy in cross-validation}`, in the order tried; empty for the paper's
            protocol.
        seconds: duration of the last fit.
        estimated_seconds: its estimated duration, or None for few images.
        converged: whether the last fit ended before its limit of iterations.
    """

    accuracy: float
    interval_95: tuple[float, float]
    train_accuracy: float
    C: float
    searched: dict[float, float]
    seconds: float
    estimated_seconds: float | None
    converged: bool


def describe_protocol(protocol: str, classifier: str) -> str:
    """Return a description of a protocol for people."""
    kind = {
        'svm': 'linear SVM',
        'logistic': 'logistic regression',
        'svm_rbf': 'SVM with a radial basis kernel',
    }[classifier]
    if protocol == 'paper':
        return f'{kind}, C = 1, unscaled features'
    return (
        f'{kind}, standardized features, C by {FOLDS}-fold cross-validation on at most '
        f'{SEARCHED_IMAGES:,} training images'
    )


def probe(
    train: Labelled,
    test: Labelled,
    classifier: str = 'svm',
    protocol: str = 'tuned',
    seed: int = 0,
    report: Callable[[str], object] = print,
) -> Probe:
    """Return the `Probe` of features: fit a classifier on training images and test it.

    'paper' is a support vector machine with C = 1 on unscaled features (libsvm, one against one);
    its time grows with the square of the number of images. 'tuned' standardizes the features and
    increases C as long as the accuracy in cross-validation does not fall (liblinear, one against
    the rest). Both need at most three times the memory of the features.

    Args:
        train, test: pairs (features `[num_images, dim]`, labels `[num_images]`, integers of at
            least 0).
        classifier: 'svm', 'logistic' or 'svm_rbf'.
        protocol: 'paper' or 'tuned'.
        seed: integer, of the folds and of the order of images in the classifier.
        report: called with lines of text, such as how long the fit will take.

    Raises:
        ValueError: if an argument is invalid, labels are missing, or all training images are of
            one class.

    Reference: Ma et al., "Decoupling Global and Local Representations via Invertible Generative
        Flows", 2021, section 3.2.
    """
    for name, value, known in (
        ('classifier', classifier, CLASSIFIERS),
        ('protocol', protocol, PROTOCOLS),
    ):
        if value not in known:
            raise ValueError(f'`{name}` must be one of {known}; got {value!r}.')
    x, y, x_test, y_test = _checked(train, test)
    C, searched = 1.0, {}
    if protocol == 'tuned':
        x, x_test = _standardized(x, x_test)
        C, searched = search(classifier, x, y, seed, report)
    estimated = estimate_seconds(classifier, protocol, C, x, y, seed)
    if estimated is not None:
        report(
            f'Fitting {len(y):,} images of {x.shape[1]:,} features takes about '
            f'{_duration(estimated)}'
        )
    model = make_classifier(classifier, protocol, C, x.shape[1], seed)
    started = time.perf_counter()
    converged = fit(model, x, y)
    seconds = time.perf_counter() - started
    hits = correct(model, x_test, y_test)
    return Probe(
        float(hits.mean()),
        wilson_interval_95(int(hits.sum()), len(hits)),
        float(correct(model, x, y).mean()),
        C,
        searched,
        seconds,
        estimated,
        converged,
    )


def wilson_interval_95(num_correct: int, num_images: int) -> tuple[float, float]:
    """Return the 95 % interval (low, high) of the fraction `num_correct / num_images`.

    Reference: Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    validate.integer('num_images', num_images, minimum=1)
    share, z = num_correct / num_images, QUANTILE_95
    center = share + z * z / (2 * num_images)
    half = z * math.sqrt(share * (1 - share) / num_images + z * z / (4 * num_images**2))
    return (center - half) / (1 + z * z / num_images), (center + half) / (1 + z * z / num_images)


def _checked(
    train: Labelled, test: Labelled
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return training features and labels, then those of the test, after checking them."""
    x, y = _checked_part('train', *train)
    x_test, y_test = _checked_part('test', *test)
    if x.shape[1] != x_test.shape[1]:
        raise ValueError(
            f'`train` and `test` must have the same number of features; got {x.shape[1]} and '
            f'{x_test.shape[1]}.'
        )
    if len(np.unique(y)) < 2:
        raise ValueError(
            f'`train` must have at least two classes; all {len(y)} images are of class {y[0]}.'
        )
    if unseen := np.setdiff1d(y_test, y).tolist():
        raise ValueError(
            f'`train` has no image of the classes {unseen} that are in `test`. Use more training '
            'images.'
        )
    return x, y, x_test, y_test


def _checked_part(name: str, features: np.ndarray, labels: np.ndarray) -> Labelled:
    features, labels = np.asarray(features), np.asarray(labels)
    if features.ndim != 2 or labels.shape != features.shape[:1] or not len(labels):
        raise ValueError(
            f'`{name}` must be features [num_images, dim] and labels [num_images] of at least one '
            f'image; got {features.shape} and {labels.shape}.'
        )
    if labels.min() < 0:
        raise ValueError(
            f'`{name}` has images without a class label; a probe needs the label of every image.'
        )
    if not np.isfinite(features).all():
        raise ValueError(
            f'`{name}` has features that are not finite, in '
            f'{int((~np.isfinite(features).all(axis=1)).sum())} of {len(labels)} images.'
        )
    return features, labels


def _standardized(x: np.ndarray, x_test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both in float64, each feature with mean 0 and deviation 1 over `x`.

    Constant features become 0. liblinear requires float64.
    """
    mean, deviation = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
    scale = np.where(deviation > 0, deviation, 1.0)
    standardized, standardized_test = (
        np.subtract(part, mean, dtype=np.float64) for part in (x, x_test)
    )
    # In place, to save memory.
    standardized /= scale
    standardized_test /= scale
    return standardized, standardized_test


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f'{seconds:.0f} s'
    if seconds < 6000:
        return f'{seconds / 60:.0f} min'
    return f'{seconds / 3600:.1f} h'
