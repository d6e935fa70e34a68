"""The check of a condition, such as z or a one-hot label, in networks and layers that read it."""

from __future__ import annotations

import tensorflow as tf


def check_condition(
    condition: tf.Tensor | None, x: tf.Tensor, condition_dim: int | None
) -> tf.Tensor:
    """Return the condition after checking that its size fits and it has one row per image.

    Sizes that are unknown while a graph is traced are not checked.

    Args:
        condition: `[batch, condition_dim]`, or None.
        x: images of the same batch, `[batch, ...]`.
        condition_dim: size of the condition that the network or layer was built for.

    Raises:
        ValueError: if the condition is missing or has another shape.
    """
    if condition is None:
        raise ValueError(
            f'`condition` is required: the flow was built for a condition of size {condition_dim}; '
            'got None.'
        )
    shape = tf.TensorShape(condition.shape)
    if shape.rank != 2 or shape[1] != condition_dim:
        raise ValueError(f'`condition` must be [batch, {condition_dim}]; got shape {shape}.')
    if None not in (shape[0], x.shape[0]) and shape[0] != x.shape[0]:
        raise ValueError(
            f'`condition` must have one row per image, {x.shape[0]}; got shape {shape}.'
        )
    return condition
