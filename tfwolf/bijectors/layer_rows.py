"""The weights of each of several stacked layers, and their gradients put together again."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

# The weights of one layer: each a tensor, or in a tuple of one the stacked tensor of all layers.
LayerWeights = list[tf.Tensor | tuple[tf.Tensor]]
# Rows of a multiple of so many bytes are tensors of their own. TensorFlow takes such a row without
# a copy (it asks for 64), and libraries of products expect arrays that begin there.
ALIGNMENT = 256


def layer_weights(stacked: Sequence[tf.Tensor], num_layers: int) -> list[LayerWeights]:
    """Return the weights of each layer from stacked ones, `[num_layers, ...]`."""
    columns = [
        tf.unstack(value, num_layers) if _is_aligned(value) else [(value,)] * num_layers
        for value in stacked
    ]
    return [[column[row] for column in columns] for row in range(num_layers)]


def of_row(weights: LayerWeights, row: tf.Tensor) -> list[tf.Tensor]:
    """Return the weights of the layer with the index `row`, each as a tensor of its own."""
    return [
        tf.gather(weight[0], row) if isinstance(weight, (tuple, list)) else weight
        for weight in weights
    ]


def split_gradients(
    vectors: Sequence[tf.Tensor], read: Sequence[tf.Tensor]
) -> list[tf.Tensor | None]:
    """Return the gradients of `StackedWeights.read` from the vectors of all layers, in their order.

    Those of integers, such as a fixed order, are None.
    """
    sizes = [value.shape[1:].num_elements() for value in read if value.dtype.is_floating]
    # Few large copies instead of one for every weight of every layer.
    parts = iter(tf.split(tf.stack(vectors), sizes, axis=1))
    return [
        tf.reshape(next(parts), value.shape) if value.dtype.is_floating else None for value in read
    ]


def _is_aligned(stacked: tf.Tensor) -> bool:
    size = stacked.shape[1:].num_elements()
    # Of integers, TensorFlow takes rows on the CPU only.
    return (
        stacked.dtype.is_floating and size is not None and not size * stacked.dtype.size % ALIGNMENT
    )
