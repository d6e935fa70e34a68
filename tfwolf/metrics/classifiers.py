"""Classifiers of a probe: how they are made, fitted, tuned and timed."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import SVC, LinearSVC

    Classifier = LogisticRegression | SVC | LinearSVC

# Values of C that the tuned protocol tries, in this order.
LINEAR_C = (
    *(1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2),
    *(0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0),
)
RBF_C = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
SEARCHED_IMAGES, FOLDS = 10_000, 3
# Up to this number of features the linear SVM is solved in the primal.
PRIMAL_FEATURES = 1024
# The smallest number of images in a fit that is timed for an estimate.
TIMED_IMAGES = 200


def make_classifier(classifier: str, protocol: str, C: float, dim: int, seed: int) -> Classifier:
    """Return an unfitted classifier for `dim` features."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import SVC, LinearSVC

    if classifier == 'logistic':
        return LogisticRegression(C=C, max_iter=1000)
    if classifier == 'svm_rbf':
        return SVC(kernel='rbf', C=C, cache_size=1000)
    if protocol == 'paper':
        return SVC(kernel='linear', C=C, cache_size=1000)
    # On 3,072 features coordinate descent in the dual is five times as fast as Newton's method in
    # the primal; on 64 features it does not converge at C = 1, and Newton's method does.
    return LinearSVC(
        C=C,
        dual=dim > PRIMAL_FEATURES,  # pyright: ignore[reportArgumentType]
        random_state=seed % 2**32,
    )


def fit(model: Classifier, x: np.ndarray, y: np.ndarray) -> bool:
    """Fit a classifier to features `[num_images, dim]` and labels; return whether it converged."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always', ConvergenceWarning)
        model.fit(x, y)
    return not any(issubclass(found.category, ConvergenceWarning) for found in caught)


def correct(model: Classifier, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return whether a fitted classifier finds the class of each image, bool `[num_images]`."""
    return np.equal(model.predict(x), y)


def search(
    classifier: str, x: np.ndarray, y: np.ndarray, seed: int, report: Callable[[str], object]
) -> tuple[float, dict[float, float]]:
    """Return the C with the highest accuracy in cross-validation, and `{C: accuracy}`.

    C increases as long as the accuracy does not fall.

    Args:
        classifier: one of `core.choices.CLASSIFIERS`.
        x: features `[num_images, dim]`.
        y: labels `[num_images]`.
        seed: integer, of the folds.
        report: called with a line of text for every C.

    Raises:
        ValueError: if a class has fewer images than there are folds.
    """
    from sklearn.model_selection import StratifiedKFold

    x, y = x[:SEARCHED_IMAGES], y[:SEARCHED_IMAGES]
    if np.unique(y, return_counts=True)[1].min() < FOLDS:
        raise ValueError(
            f'Cross-validation needs at least {FOLDS} images of each class among the first '
            f"{len(y):,} training images. Use more images, or the protocol 'paper'."
        )
    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=seed % 2**32).split(x, y))
    searched: dict[float, float] = {}
    for C in RBF_C if classifier == 'svm_rbf' else LINEAR_C:
        accuracies = []
        for fitted, held_out in folds:
            model = make_classifier(classifier, 'tuned', C, x.shape[1], seed)
            fit(model, x[fitted], y[fitted])
            accuracies.append(correct(model, x[held_out], y[held_out]).mean())
        searched[C] = float(np.mean(accuracies))
        report(f'C = {C:.1e}: {searched[C]:.4f} in cross-validation')
        if searched[C] < max(searched.values()):
            break
    return max(searched, key=lambda C: searched[C]), searched


def estimate_seconds(
    classifier: str, protocol: str, C: float, x: np.ndarray, y: np.ndarray, seed: int
) -> float | None:
    """Return an estimate of the seconds that a fit of all images takes; None for few images.

    It is extrapolated from fits of a sixteenth and an eighth of the images.
    """
    seconds, sizes = [], [len(y) // 16, len(y) // 8]
    if sizes[0] < TIMED_IMAGES:
        return None
    for size in sizes:
        # Spread over all images, so that all classes are included.
        rows = np.arange(size) * (len(y) // size)
        if len(np.unique(y[rows])) < 2:
            return None
        started = time.perf_counter()
        fit(make_classifier(classifier, protocol, C, x.shape[1], seed), x[rows], y[rows])
        seconds.append(time.perf_counter() - started)
    # The time of libsvm grows with the square of the number of images. That of the others grows
    # faster than the number of images, by a power that is measured.
    is_libsvm = classifier == 'svm_rbf' or (classifier, protocol) == ('svm', 'paper')
    power = 2.0 if is_libsvm else min(max(math.log2(seconds[1] / seconds[0]), 1.0), 2.0)
    return seconds[1] * 8**power
