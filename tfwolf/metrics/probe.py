"""How well a simple classifier tells classes by features: the downstream evaluation of
representations (Wolf, section 3.2, table 4).
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfwolf.core import validate

CLASSIFIERS = ('svm', 'logistic', 'svm_rbf')
PROTOCOLS = ('paper', 'tuned')
# The values of C that the tuned protocol tries, upwards.
LINEAR_C = (
    1e-6,
    3e-6,
    1e-5,
    3e-5,
    1e-4,
    3e-4,
    1e-3,
    3e-3,
    1e-2,
    3e-2,
    0.1,
    0.3,
    1.0,
    3.0,
    10.0,
    30.0,
    100.0,
)
RBF_C = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
SEARCHED_IMAGES, FOLDS = 10_000, 3
# Up to so many features the linear SVM is solved in the primal.
PRIMAL_FEATURES = 1024
QUANTILE_95 = 1.959964
# Features [num_images, dim] and labels [num_images].
Labelled = tuple[np.ndarray, np.ndarray]


class Probe(NamedTuple):
    """How a probe came out.

    Attributes:
        accuracy: share of the test images whose class was found.
        interval_95: (low, high), over the choice of test images (Wilson's).
        train_accuracy: the same share of the training images.
        C: inverse strength of the regularisation.
        searched: `{C: accuracy in cross-validation}`, in the order tried; empty for the paper's
            protocol.
        seconds: how long the last fit took.
        estimated_seconds: how long it was expected to take, or None for so few images that it was
            not estimated.
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
    """Returns a protocol in words."""
    kind = {
        'svm': 'linear SVM',
        'logistic': 'logistic regression',
        'svm_rbf': 'SVM with a radial basis kernel',
    }[classifier]
    if protocol == 'paper':
        return f'{kind}, C = 1, unscaled features'
    return f'{kind}, standardised features, C by {FOLDS}-fold cross-validation on at most {SEARCHED_IMAGES:,} training images'


def probe(
    train: Labelled,
    test: Labelled,
    classifier: str = 'svm',
    protocol: str = 'tuned',
    seed: int = 0,
    report: Callable[[str], object] = print,
) -> Probe:
    """Returns the `Probe` of features: fits a classifier on the training images and asks it for the
    classes of the test images.

    'paper' is a support vector machine with C = 1 on unscaled features (libsvm, one against one, in
    a time that grows with the square of the images). 'tuned' standardises the features and seeks C
    upwards, as long as accuracy in cross-validation does not fall (liblinear, one against the
    rest). Neither needs more than three times the features in memory.

    Args:
        train, test: pairs (features `[num_images, dim]`, labels `[num_images]`, integers of at
            least 0).
        classifier: 'svm', 'logistic' or 'svm_rbf'.
        protocol: 'paper' or 'tuned'.
        seed: integer, of the folds and of the classifier's own order of images.
        report: called with lines for people, such as how long the fit will take.

    Raises:
        ValueError: if an argument breaks its rule, labels are missing, or the training images are
            all of one class.

    Reference: Ma et al., "Decoupling Global and Local Representations via Invertible Generative
        Flows", 2021, section 3.2.
    """
    for name, value, known in (
        ('classifier', classifier, CLASSIFIERS),
        ('protocol', protocol, PROTOCOLS),
    ):
        if value not in known:
            raise ValueError(f'`{name}` must be one of {known}; got {value!r}.')
    (x, y), (x_test, y_test) = _checked('train', *train), _checked('test', *test)
    if x.shape[1] != x_test.shape[1]:
        raise ValueError(
            f'`train` and `test` must have as many features; got {x.shape[1]} and '
            f'{x_test.shape[1]}.'
        )
    if len(np.unique(y)) < 2:
        raise ValueError(
            f'`train` must hold at least two classes; all {len(y)} images are of class {y[0]}.'
        )
    if unseen := np.setdiff1d(y_test, y).tolist():
        raise ValueError(
            f'`train` has no image of the classes {unseen} that are in `test`. Use more training '
            'images.'
        )
    if protocol == 'tuned':
        x, x_test = _standardized(x, x_test)
    C, searched = _search(classifier, x, y, seed, report) if protocol == 'tuned' else (1.0, {})
    estimated = _estimate(classifier, protocol, C, x, y, seed)
    if estimated is not None:
        report(
            f'Fitting {len(y):,} images of {x.shape[1]:,} features takes about '
            f'{_duration(estimated)}'
        )
    started = time.perf_counter()
    model, converged = _fit(_classifier(classifier, protocol, C, x.shape[1], seed), x, y)
    seconds = time.perf_counter() - started
    correct, trained = model.predict(x_test) == y_test, model.predict(x) == y
    return Probe(
        float(correct.mean()),
        wilson_interval_95(int(correct.sum()), len(correct)),
        float(trained.mean()),
        C,
        searched,
        seconds,
        estimated,
        converged,
    )


def wilson_interval_95(num_correct: int, num_images: int) -> tuple[float, float]:
    """Returns the 95 % interval (low, high) of a share of which `num_correct` of `num_images` were
    seen (Wilson, 1927).
    """
    validate.integer('num_images', num_images, minimum=1)
    share, z = num_correct / num_images, QUANTILE_95
    centre = share + z * z / (2 * num_images)
    half = z * math.sqrt(share * (1 - share) / num_images + z * z / (4 * num_images**2))
    return (centre - half) / (1 + z * z / num_images), (centre + half) / (1 + z * z / num_images)


def _checked(name, features, labels):
    features, labels = np.asarray(features), np.asarray(labels)
    if features.ndim != 2 or labels.shape != features.shape[:1] or not len(labels):
        raise ValueError(
            f'`{name}` must be features [num_images, dim] and labels [num_images] of at least one '
            'image; '
            f'got {features.shape} and {labels.shape}.'
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


def _standardized(x, x_test):
    """Returns both in float64, which liblinear wants, each feature with mean 0 and deviation 1 over
    `x`; constant ones become 0.
    """
    mean, deviation = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
    scale = np.where(deviation > 0, deviation, 1.0)
    both = [np.subtract(part, mean, dtype=np.float64) for part in (x, x_test)]
    for part in both:
        part /= scale
    return both


def _classifier(classifier, protocol, C, dim, seed):
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import SVC, LinearSVC

    if classifier == 'logistic':
        return LogisticRegression(C=C, max_iter=1000)
    if classifier == 'svm_rbf':
        return SVC(kernel='rbf', C=C, cache_size=1000)
    if protocol == 'paper':
        return SVC(kernel='linear', C=C, cache_size=1000)
    # On 3,072 features coordinate descent in the dual is five times as fast; on 64 it does not
    # converge at C = 1, which Newton's method does.
    return LinearSVC(C=C, dual=dim > PRIMAL_FEATURES, random_state=seed % 2**32)


def _fit(model, x, y):
    """Returns the fitted model and whether it converged."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always', ConvergenceWarning)
        model.fit(x, y)
    return model, not any(issubclass(found.category, ConvergenceWarning) for found in caught)


def _search(classifier, x, y, seed, report):
    """Returns the C of the highest accuracy in cross-validation, and `{C: accuracy}` of those
    tried.
    """
    from sklearn.model_selection import StratifiedKFold

    x, y = x[:SEARCHED_IMAGES], y[:SEARCHED_IMAGES]
    if np.unique(y, return_counts=True)[1].min() < FOLDS:
        raise ValueError(
            f'Cross-validation needs at least {FOLDS} images of each class among the first '
            f'{len(y):,} training images. Use more images, '
            "or the protocol 'paper'."
        )
    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=seed % 2**32).split(x, y))
    searched = {}
    for C in RBF_C if classifier == 'svm_rbf' else LINEAR_C:
        hits = [
            (
                _fit(_classifier(classifier, 'tuned', C, x.shape[1], seed), x[fit], y[fit])[
                    0
                ].predict(x[held])
                == y[held]
            ).mean()
            for fit, held in folds
        ]
        searched[C] = float(np.mean(hits))
        report(f'C = {C:.1e}: {searched[C]:.4f} in cross-validation')
        if searched[C] < max(searched.values()):
            break
    return max(searched, key=searched.get), searched


def _estimate(classifier, protocol, C, x, y, seed):
    """Returns the seconds that a fit of all images will take, from fits of a sixteenth and an
    eighth of them; None for few images.
    """
    seconds, sizes = [], [len(y) // 16, len(y) // 8]
    if sizes[0] < 200:
        return None
    for size in sizes:
        # Spread over the whole, so that all classes are there.
        rows = np.arange(size) * (len(y) // size)
        if len(np.unique(y[rows])) < 2:
            return None
        started = time.perf_counter()
        _fit(_classifier(classifier, protocol, C, x.shape[1], seed), x[rows], y[rows])
        seconds.append(time.perf_counter() - started)
    # libsvm's time is that of all pairs of images; of the others it grows faster than the images,
    # by how much is measured.
    is_libsvm = classifier == 'svm_rbf' or (classifier, protocol) == ('svm', 'paper')
    power = 2.0 if is_libsvm else min(max(math.log2(seconds[1] / seconds[0]), 1.0), 2.0)
    return seconds[1] * 8**power


def _duration(seconds):
    return (
        f'{seconds:.0f} s'
        if seconds < 100
        else f'{seconds / 60:.0f} min'
        if seconds < 6000
        else f'{seconds / 3600:.1f} h'
    )
