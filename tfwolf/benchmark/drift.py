"""Difference between gradients with reconstructed inputs and gradients with stored inputs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tfwolf.models.terms import Noise
from tfwolf.models.wolf import Wolf
from tfwolf.training.flow_gradients import STORE, flow_gradients
from tfwolf.training.objective import Objective

# A larger drift causes a warning.
MAX_WHOLE, MAX_VARIABLE = 1e-4, 1e-3


def gradient_drift(
    model: Wolf,
    objective: Objective,
    images: tf.Tensor,
    noise: Noise,
    memory: str,
    labels: tf.Tensor | None = None,
) -> dict[str, float]:
    """Return the drift of the flow's gradients: ratios of norms, |difference| / |stored|.

    Args:
        model: a `Wolf`.
        objective: an `Objective`.
        images: uint8 `[batch, height, width, channels]`.
        noise: `Noise` for them.
        memory: one of `GRADIENT_MEMORIES`, compared with `STORE`.
        labels: `[batch]`, for a model whose z comes from labels.

    Returns:
        dict of `whole_gradient`, of all variables together, and `worst_variable`, the largest
            ratio of a single variable.
    """
    inference = model.infer(images, noise, labels=labels)

    def gradients(memory: str) -> list[np.ndarray]:
        compute = tf.function(
            lambda: flow_gradients(
                model, objective, len(images), inference, images, noise, memory=memory
            )[1],
            autograph=False,
        )
        return [
            gradient.numpy().astype(np.float64) for gradient in compute.get_concrete_function()()
        ]

    pairs = [
        (np.linalg.norm(found - stored), np.linalg.norm(stored))
        for stored, found in zip(gradients(STORE), gradients(memory), strict=True)
    ]
    differences, norms = np.array(pairs).T
    return {
        'whole_gradient': float(np.linalg.norm(differences) / np.linalg.norm(norms)),
        'worst_variable': float(np.max(differences / np.where(norms > 0, norms, np.inf))),
    }


def drift_warning(drift: Mapping[str, float]) -> str | None:
    """Return a warning if gradients drift, None otherwise.

    Args:
        drift: dict from `gradient_drift`.
    """
    # Comparisons with NaN are false, so NaN counts as drift.
    if drift['whole_gradient'] <= MAX_WHOLE and drift['worst_variable'] <= MAX_VARIABLE:
        return None
    return (
        f'the gradients differ from the stored ones by more than {MAX_WHOLE:g} as a whole, or by '
        f'more than {MAX_VARIABLE:g} for a variable: a layer is badly conditioned. Set '
        "train.gradient_memory = 'recompute', which is exact, or bound the scales "
        '(BoundedAffine.alpha = 0.5).'
    )
