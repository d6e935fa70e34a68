"""The norm of all gradients together, and clipping to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf


class Clipped(NamedTuple):
    """Gradients after clipping.

    Attributes:
        gradients: one tensor per variable.
        norm: Euclidean norm of all gradients together, before clipping.
        finite: scalar bool, whether the norm and the loss are finite.
    """

    gradients: list[tf.Tensor]
    norm: tf.Tensor
    finite: tf.Tensor


def clip(
    gradients: Sequence[tf.Tensor],
    loss: tf.Tensor,
    clip_norm: float | None = None,
    in_one_vector: bool = False,
) -> Clipped:
    """Scale gradients so that their norm is at most `clip_norm`.

    Args:
        gradients: one tensor per variable, all of one type.
        loss: scalar.
        clip_norm: highest norm, or None.
        in_one_vector: whether to join all gradients first. On a GPU a few operations on one vector
            are faster than hundreds on its parts. They are then zero if something is not finite.
    """
    with tf.name_scope('gradient_norm'):
        return _clip(gradients, loss, clip_norm, in_one_vector)


def _clip(
    gradients: Sequence[tf.Tensor], loss: tf.Tensor, clip_norm: float | None, in_one_vector: bool
) -> Clipped:
    if in_one_vector:
        vector = tf.concat([tf.reshape(gradient, [-1]) for gradient in gradients], axis=0)
        norm = tf.sqrt(2 * tf.nn.l2_loss(vector))
        finite = tf.math.is_finite(norm) & tf.math.is_finite(loss)
        vector = tf.where(finite, vector * _scale(norm, clip_norm), 0)
        parts = tf.split(vector, [gradient.shape.num_elements() for gradient in gradients])
        shaped = [tf.reshape(part, gradient.shape) for part, gradient in zip(parts, gradients)]
        return Clipped(shaped, norm, finite)
    norm = tf.linalg.global_norm(gradients)
    finite = tf.math.is_finite(norm) & tf.math.is_finite(loss)
    if clip_norm is not None:
        gradients = [gradient * _scale(norm, clip_norm) for gradient in gradients]
    return Clipped(list(gradients), norm, finite)


def _scale(norm: tf.Tensor, clip_norm: float | None) -> tf.Tensor:
    if clip_norm is None:
        return tf.ones([], norm.dtype)
    # Not min(1, clip_norm / norm), which TensorFlow turns into a product with 1/sqrt on the
    # replicas whose norm is not returned: it rounds differently.
    return clip_norm / tf.maximum(norm, clip_norm)
