"""How far the gradients of a pass that rebuilds its inputs are from those of one that stores them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tfwolf.models.terms import Noise
from tfwolf.models.wolf import Wolf
from tfwolf.training.flow_gradients import STORE, flow_gradients
from tfwolf.training.objective import Objective

# Above these a drift is worth a warning.
MAX_WHOLE, MAX_VARIABLE = 1e-4, 1e-3


def gradient_drift(
    model: Wolf,
    objective: Objective,
    images: tf.Tensor,
    noise: Noise,
    memory: str,
    labels: tf.Tensor | None = None,
) -> dict[str, float]:
    """Returns how far the flow's gradients are from the stored ones: ratios of norms, |difference|
    / |stored|.

    Args:
        model: a `Wolf`.
        objective: an `Objective`.
        images: uint8 `[batch, height, width, channels]`.
        noise: `Noise` for them.
        memory: one of `flow_gradients.MEMORIES`.
        labels: `[batch]`, for a model whose z comes from them.

    Returns:
        dict of `whole_gradient`, and `worst_variable`, the highest of any variable.
    """
    inference = model.infer(images, noise, labels=labels)

    def gradients(memory):
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
    """Returns a sentence for the user of a model whose gradients drift, a dict of `gradient_drift`;
    None if they do not.
    """
    # Written so that what is not a number counts as drift.
    if drift['whole_gradient'] <= MAX_WHOLE and drift['worst_variable'] <= MAX_VARIABLE:
        return None
    return (
        f'the gradients drift from the stored ones by more than {MAX_WHOLE:g} as a whole, or '
        f'{MAX_VARIABLE:g} of a variable: some layer is '
        "badly conditioned. Use train.gradient_memory = 'recompute', which is exact, or bound the "
        'scales (BoundedAffine.alpha = 0.5).'
    )
