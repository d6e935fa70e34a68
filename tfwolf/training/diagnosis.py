"""Diagnosis of a run that stopped because its gradients are not finite."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfwolf.bijectors.composite import walk_leaves
from tfwolf.core.variables import as_tensorflow, named_variables
from tfwolf.models.terms import Noise
from tfwolf.models.wolf import Wolf


def first_bad_layer(
    model: Wolf,
    images: tf.Tensor | np.ndarray,
    noise: Noise,
    labels: tf.Tensor | np.ndarray | None = None,
) -> str:
    """Return a sentence that names the first part with weights, output or gradient not finite.

    Args:
        model: a `Wolf`.
        images: uint8 `[batch, height, width, channels]`.
        noise: `Noise` for them.
        labels: integers `[batch]`, for a model whose z comes from class labels.
    """
    variables = [
        (path, as_tensorflow(variable))
        for path, variable in named_variables(model)
        if variable.dtype != tf.bool
    ]
    for path, variable in variables:
        if not _finite(variable):
            return f'the weight {"/".join(path)} is not finite'
    inference = model.infer(images, noise, labels=labels)
    z, condition = inference.z, inference.condition
    if z is not None and not _finite(z):
        return 'the first output that is not finite is z, from the encoder'
    bad = []

    def visit(path, layer, x):
        y, log_det = layer.forward_and_log_det(x, condition)
        if not bad and not (_finite(y) and _finite(log_det)):
            bad.append('/'.join(('flow',) + path))
        return y

    walk_leaves(model.flow, visit, model.dequantized(inference, images, noise)[0])
    if bad:
        return f'the first output that is not finite is that of the layer {bad[0]}'
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model.terms(images, noise, labels=labels).nll_nats)
    trained = [(path, variable) for path, variable in variables if variable.trainable]
    for (path, _), gradient in zip(
        trained, tape.gradient(loss, [variable for _, variable in trained])
    ):
        if gradient is not None and not _finite(gradient):
            name = '/'.join(path)
            return f'all outputs are finite; the first gradient that is not finite is of {name}'
    return (
        'outputs and gradients are finite now; the cause is in the batch statistics or was '
        'transient'
    )


def _finite(tensor):
    return bool(tf.reduce_all(tf.math.is_finite(tensor)))
