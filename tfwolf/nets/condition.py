"""The one check of a condition, such as z or a one-hot label, where a network or a layer reads it."""

from __future__ import annotations

import tensorflow as tf


def check_condition(condition: tf.Tensor | None, x: tf.Tensor, condition_dim: int) -> None:
    """Checks that there is a condition, of the right size, with one row per image; sizes that are
    not known yet pass.

    Args:
        condition: `[batch, condition_dim]`, or None.
        x: `[batch, ...]`, the images that it belongs to.
        condition_dim: size that the network or layer was made for.

    Raises:
        ValueError: if it is missing, or has another shape.
    """
    if condition is None:
        raise ValueError(
            '`condition` must be given: the flow was made for a condition of size '
            f'{condition_dim}; got '
            f'None.'
        )
    shape = tf.TensorShape(condition.shape)
    if shape.rank != 2 or shape[1] != condition_dim:
        raise ValueError(f'`condition` must be [batch, {condition_dim}]; got shape {shape}.')
    if None not in (shape[0], x.shape[0]) and shape[0] != x.shape[0]:
        raise ValueError(
            f'`condition` must have one row per image, {x.shape[0]}; got shape {shape}.'
        )
