"""What a flow is conditioned on: a vector such as z or a one-hot label, an image, or both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from tfwolf.core.parts import accepts, name_of


class VectorAndImage(NamedTuple):
    """A condition of two parts.

    Attributes:
        vector: `[batch, condition_dim]`.
        image: `[batch, height, width, condition_channels]`.
    """

    vector: tf.Tensor
    image: tf.Tensor


# `[batch, condition_dim]`, `[batch, height, width, condition_channels]`, or both.
Condition = tf.Tensor | VectorAndImage


def joined(vector: tf.Tensor | None, image: tf.Tensor | None) -> Condition | None:
    """Return the condition of a vector and an image, each of which may be missing."""
    if vector is None or image is None:
        return image if vector is None else vector
    return VectorAndImage(vector, image)


def tensors_of(condition: Condition | None) -> list[tf.Tensor]:
    """Return the tensors of a condition: none, one or two."""
    if condition is None:
        return []
    return list(condition) if isinstance(condition, VectorAndImage) else [condition]


def with_tensors(condition: Condition | None, tensors: Sequence[tf.Tensor]) -> Condition | None:
    """Return a condition of the same structure, with other tensors in the order of `tensors_of`."""
    if condition is None:
        return None
    return VectorAndImage(*tensors) if isinstance(condition, VectorAndImage) else tensors[0]


def rows_of(condition: Condition | None, rows: slice) -> Condition | None:
    """Return some rows of the batch of a condition."""
    return with_tensors(condition, [tensor[rows] for tensor in tensors_of(condition)])


def image_argument(
    name: str, factory: Callable[..., Any], condition_channels: int
) -> dict[str, int]:
    """Return the argument `condition_channels` of a network or flow; `{}` if it is 0.

    Args:
        name: name of the factory in the message.
        factory: makes the network or flow.
        condition_channels: channels of the condition's image, or 0.

    Raises:
        ValueError: if the factory does not accept such a condition.
    """
    if not condition_channels:
        return {}
    if not accepts(factory, 'condition_channels'):
        raise ValueError(
            f'`{name}` must accept `condition_channels` where the condition is an image; got '
            f'{name_of(factory)}. `RefinedGlow`, `MaCow` and their '
            '`ConvCouplingNet` do.'
        )
    return {'condition_channels': condition_channels}


def check_condition(
    condition: Condition | None, x: tf.Tensor, condition_dim: int | None
) -> tf.Tensor:
    """Return the vector of a condition after checking its size, and that it has one row per image.

    Sizes that are unknown while a graph is traced are not checked.

    Args:
        condition: the condition, or None.
        x: images of the same batch, `[batch, ...]`.
        condition_dim: size of the vector that the network or layer was built for.

    Raises:
        ValueError: if the vector is missing or has another shape.
    """
    if condition is None:
        raise ValueError(
            f'`condition` is required: the flow was built for a condition of size {condition_dim}; '
            'got None.'
        )
    vector = condition.vector if isinstance(condition, VectorAndImage) else condition
    shape = tf.TensorShape(vector.shape)
    if shape.rank != 2 or shape[1] != condition_dim:
        raise ValueError(f'`condition` must be [batch, {condition_dim}]; got shape {shape}.')
    _check_rows(shape, x)
    return vector


def check_image_condition(
    condition: Condition | None, x: tf.Tensor, condition_channels: int
) -> tf.Tensor:
    """Return the image of a condition at the resolution of x, after checking its shape.

    At half the resolution, the condition is squeezed as x is: 2x2 pixels become four times the
    channels, in the order of `tf.nn.space_to_depth`, once for every halving.

    Args:
        condition: the condition, or None.
        x: images of the same batch, `[batch, height, width, ...]`, of static height and width.
        condition_channels: channels of the squeezed image that the network was built for.

    Returns:
        `[batch, height, width, condition_channels]`.

    Raises:
        ValueError: if the image is missing, has another number of channels, or its size is not that
            of x times a power of two.
    """
    image = condition.image if isinstance(condition, VectorAndImage) else condition
    if image is None or tf.TensorShape(image.shape).rank != 4:
        found = 'None' if image is None else f'shape {tf.TensorShape(image.shape)}'
        raise ValueError(
            '`condition` must have an image, [batch, height, width, channels]: the flow was built '
            f'for one; got {found}.'
        )
    _check_rows(tf.TensorShape(image.shape), x)
    size = tf.TensorShape(x.shape)[1:3]
    squeezed = image
    while squeezed.shape[1:3] != size and all(
        side is not None and side % 2 == 0 for side in squeezed.shape[1:3]
    ):
        squeezed = tf.nn.space_to_depth(squeezed, 2)
    if squeezed.shape[1:3] != size or squeezed.shape[3] != condition_channels:
        raise ValueError(
            f'`condition` must have an image that, squeezed to {size[0]}x{size[1]} pixels, has '
            f'{condition_channels} channels; got shape {image.shape}.'
        )
    return squeezed


def _check_rows(shape: tf.TensorShape, x: tf.Tensor) -> None:
    if None not in (shape[0], x.shape[0]) and shape[0] != x.shape[0]:
        raise ValueError(
            f'`condition` must have one row per image, {x.shape[0]}; got shape {shape}.'
        )
