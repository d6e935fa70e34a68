"""Round-trip error and gain of the inverse of every layer, to find the layer that explodes."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.composite import walk_leaves
from tfwolf.core import seeds
from tfwolf.models.generation import Array
from tfwolf.models.wolf import Wolf

# Norm of the disturbance of a layer's output, relative to the norm of the output.
RELATIVE_STEP = 1e-3


class LayerReport(TypedDict):
    """Name, class, round-trip error and inverse gain of a layer."""

    layer: str
    kind: str
    round_trip_error: float
    inverse_gain: float


def invertibility_report(
    model: Wolf, images: Array, seed: int, labels: Array | None = None
) -> list[LayerReport]:
    """Return a list of dicts, one per layer in the order of the flow; weights do not change.

    `round_trip_error` is max|f^-1(f(h)) - h| over the inputs h of the layer for the images.
    `inverse_gain` is the largest |f^-1(y + d) - f^-1(y)| / |d| over the images for a small random
    d: the factor by which the inverse amplifies a rounding error.

    Args:
        model: a `Wolf`.
        images: uint8 `[num_images, height, width, channels]`.
        seed: integer, of the directions d.
        labels: integers `[num_images]`; only used by a model whose z comes from labels.

    Returns:
        `[{'layer': name, 'kind': class, 'round_trip_error': float, 'inverse_gain': float}, ...]`

    Reference: Behrmann et al., "Understanding and Mitigating Exploding Inverses in Invertible
        Neural Networks", 2021, arXiv:2006.09347.
    """
    z, _ = model.encode(images, labels)
    condition = model.flow_condition(z, model.condition_of(images))
    base = seeds.tensor_seed(seed, 'invertibility')
    report: list[LayerReport] = []

    def visit(path: tuple[str, ...], layer: FlowBijector, x: tf.Tensor) -> tf.Tensor:
        y = layer.forward_and_log_det(x, condition)[0]
        back = layer.inverse_and_log_det(y, condition)[0]
        step = seeds.normal(tf.shape(y), seeds.fold_in(base, len(report)), y.dtype)
        step *= RELATIVE_STEP * _norms(y) / _norms(step)
        moved = layer.inverse_and_log_det(y + step, condition)[0]
        gain = _norms(moved - back) / _norms(step)
        report.append(
            {
                'layer': '.'.join(('flow', *path)),
                'kind': type(layer).__name__,
                'round_trip_error': _largest(tf.abs(back - x)),
                'inverse_gain': _largest(gain),
            }
        )
        return y

    walk_leaves(model.flow, visit, model.bin_centers(images))
    return report


def worst_layers(report: list[LayerReport], count: int = 10) -> list[LayerReport]:
    """Return the `count` layers with the largest inverse gain, those that are not finite first."""
    return sorted(report, key=lambda row: -np.nan_to_num(row['inverse_gain'], nan=np.inf))[:count]


def _norms(values: tf.Tensor) -> tf.Tensor:
    axes = list(range(1, values.shape.rank))
    return tf.sqrt(tf.reduce_sum(tf.square(values), axis=axes, keepdims=True))


def _largest(values: tf.Tensor) -> float:
    # NumPy's maximum propagates NaN; TensorFlow's may not.
    return float(np.max(values.numpy()))
