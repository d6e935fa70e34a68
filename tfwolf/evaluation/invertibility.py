"""Which layer of a flow loses its input: round-trip error and gain of the inverse of every layer,
on real images.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfwolf.bijectors.composite import walk_leaves
from tfwolf.core import seeds
from tfwolf.models.generation import Array
from tfwolf.models.wolf import Wolf

Row = dict[str, str | float]

# Size of the disturbance of a layer's output, relative to the output's own.
RELATIVE_STEP = 1e-3


def invertibility_report(
    model: Wolf, images: Array, seed: int, labels: Array | None = None
) -> list[Row]:
    """Returns a list of dicts, one per layer in the order of the flow, that shows which layer
    explodes.

    `round_trip_error` is max|f^-1(f(h)) - h| over the images' inputs h of the layer; `inverse_gain`
    is the largest
    |f^-1(y + d) - f^-1(y)| / |d| over the images for a small random d: by how much the inverse amplifies a rounding error.

    Args:
        model: a `Wolf`.
        images: uint8 `[num_images, height, width, channels]`.
        seed: integer, of the directions d.
        labels: integers `[num_images]`; only a model whose z comes from them needs them.

    Returns:
        `[{'layer': name, 'kind': class, 'round_trip_error': float, 'inverse_gain': float}, ...]`;
            the weights are left as they are.

    Reference: Behrmann et al., "Understanding and Mitigating Exploding Inverses in Invertible
        Neural Networks", 2021, arXiv:2006.09347.
    """
    z, _ = model.encode(images, labels)
    seed = seeds.tensor_seed(seed, 'invertibility')
    report = []

    def visit(path, layer, x):
        y = layer.forward_and_log_det(x, z)[0]
        back = layer.inverse_and_log_det(y, z)[0]
        step = seeds.normal(y.shape, seeds.fold_in(seed, len(report)), y.dtype)
        step *= RELATIVE_STEP * _norms(y) / _norms(step)
        moved = layer.inverse_and_log_det(y + step, z)[0]
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

    walk_leaves(model.flow, visit, model.bin_centres(images))
    return report


def worst_layers(report: list[Row], count: int = 10) -> list[Row]:
    """Returns the `count` layers of largest inverse gain, those that are not finite first."""
    return sorted(report, key=lambda row: -np.nan_to_num(row['inverse_gain'], nan=np.inf))[:count]


def _norms(values):
    return tf.sqrt(
        tf.reduce_sum(tf.square(values), axis=list(range(1, values.shape.rank)), keepdims=True)
    )


def _largest(values):
    # NumPy's maximum passes NaN on; TensorFlow's may not.
    return float(np.max(values.numpy()))
