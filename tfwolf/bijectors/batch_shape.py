"""Conversion between any number of leading dimensions, as in TFP, and one batch dimension."""

from __future__ import annotations

import tensorflow as tf

from tfwolf.nets.condition import Condition, tensors_of, with_tensors

EVENT_AXES = {1: ('features',), 3: ('height', 'width', 'channels')}


def describe_event(event_ndims: int, event_shape: tf.TensorShape | None) -> str:
    """Return the event for a message: `height, width, channels`, or its sizes if available."""
    return ', '.join(
        map(str, event_shape or EVENT_AXES.get(event_ndims, [f'{event_ndims} dimensions']))
    )


def check_one_batch_dimension(
    x: tf.Tensor, event_ndims: int, event_shape: tf.TensorShape | None = None
) -> None:
    """Raise a `ValueError` unless x is `[batch, *event]`."""
    shape = tf.TensorShape(x.shape)
    if shape.rank != event_ndims + 1:
        raise ValueError(
            f'`x` must be [batch, {describe_event(event_ndims, event_shape)}], of rank '
            f'{event_ndims + 1}, with one batch dimension; got shape {shape}. For any number of '
            'leading dimensions, use `forward`, `inverse`, or the log_prob of a `tfp` distribution.'
        )


class BatchShape:
    """The leading dimensions of a tensor: flattens them into one and restores them.

    Args:
        x: `[..., *event]`, with any number of leading dimensions, including none.
        event_ndims: rank of the event.
        event_shape: shape of the event, if fixed; x is checked against it.

    Raises:
        ValueError: if the rank is unknown or too small, or the event has another shape.
    """

    def __init__(
        self, x: tf.Tensor, event_ndims: int, event_shape: tf.TensorShape | None = None
    ) -> None:
        rank = x.shape.rank
        fits = rank is not None and rank >= event_ndims
        if not fits or (
            event_shape is not None
            and not event_shape.is_compatible_with(x.shape[rank - event_ndims :])
        ):
            raise ValueError(
                f'The event must be [{describe_event(event_ndims, event_shape)}], the last '
                f'{event_ndims} dimensions of a tensor of rank {event_ndims} or more; got shape '
                f'{x.shape}.'
            )
        self._shape = x.shape[: rank - event_ndims]
        if self._shape.is_fully_defined() or self._shape.rank == 1:
            self._sizes = list(self._shape)
        else:
            dynamic = tf.shape(x)
            self._sizes = [
                dynamic[axis] if size is None else size for axis, size in enumerate(self._shape)
            ]

    def flatten(self, x: tf.Tensor) -> tf.Tensor:
        """Return x `[..., *event]` as `[batch, *event]`."""
        return x if self._shape.rank == 1 else tf.reshape(x, [-1, *x.shape[self._shape.rank :]])

    def restore(self, y: tf.Tensor) -> tf.Tensor:
        """Return y `[batch, ...]` with the original leading dimensions."""
        return y if self._shape.rank == 1 else tf.reshape(y, [*self._sizes, *y.shape[1:]])

    def flatten_condition(self, condition: Condition | None, flat: tf.Tensor) -> Condition | None:
        """Return a condition with one batch dimension; a single condition is repeated.

        Args:
            condition: vector `[..., condition_dim]` or image `[..., height, width, channels]`, with
                the leading dimensions of x or none, or `[1, ...]`; or both, or None.
            flat: the flattened x.

        Raises:
            ValueError: if the leading dimensions differ from those of x.
        """
        parts = map(tf.convert_to_tensor, tensors_of(condition))
        return with_tensors(condition, [self._flatten(part, flat) for part in parts])

    def _flatten(self, part: tf.Tensor, flat: tf.Tensor) -> tf.Tensor:
        """Return the vector or image of a condition with one batch dimension."""
        shape, num_leading = part.shape, self._shape.rank
        ndims_of_rank = {1: 1, 2: 1, 3: 3, 4: 3} | {num_leading + 1: 1, num_leading + 3: 3}
        event_ndims = ndims_of_rank.get(shape.rank)
        leading = None if event_ndims is None else shape[: shape.rank - event_ndims]
        is_single = leading is not None and leading.as_list() in ([], [1])
        if leading is None or not (is_single or leading.is_compatible_with(self._shape)):
            raise ValueError(
                f'`condition` must be [{", ".join(map(str, (*self._shape, "condition_dim")))}], '
                'with the leading dimensions of x, or a single condition for all events, '
                '[condition_dim] or [1, condition_dim], or likewise with [height, width, channels] '
                f'in place of condition_dim; got shape {shape}.'
            )
        event = shape[leading.rank :]
        if is_single:
            batch = tf.shape(flat)[0] if flat.shape[0] is None else flat.shape[0]
            return tf.broadcast_to(part, [batch, *event])
        return part if num_leading == 1 else tf.reshape(part, [-1, *event])
