"""Any number of leading dimensions, as TFP allows them, flattened to the one batch dimension of the
one-pass
methods.
"""

from __future__ import annotations

import tensorflow as tf

EVENT_AXES = {1: ('features',), 3: ('height', 'width', 'channels')}


def describe_event(event_ndims: int, event_shape: tf.TensorShape | None) -> str:
    """Returns the event for a message: `height, width, channels`, or its sizes where they are
    known.
    """
    return ', '.join(
        map(str, event_shape or EVENT_AXES.get(event_ndims, [f'{event_ndims} dimensions']))
    )


def check_one_batch_dimension(
    x: tf.Tensor, event_ndims: int, event_shape: tf.TensorShape | None = None
) -> None:
    """Raises a `ValueError` unless x is `[batch, *event]`."""
    shape = tf.TensorShape(x.shape)
    if shape.rank != event_ndims + 1:
        raise ValueError(
            f'`x` must be [batch, {describe_event(event_ndims, event_shape)}], of rank '
            f'{event_ndims + 1}, with one '
            f'batch dimension; got shape {shape}. `forward`, `inverse` and log_prob of a `tfp` '
            'distribution take any '
            'number of leading dimensions.'
        )


class BatchShape:
    """The leading dimensions of a tensor in front of its event, to be flattened into one and
    restored.

    Args:
        x: `[..., *event]`, any number of leading dimensions, also none.
        event_ndims: rank of the event.
        event_shape: shape of the event where the layer knows it, for the check.

    Raises:
        ValueError: if the rank is too small or unknown, or the event has another shape.
    """

    def __init__(
        self, x: tf.Tensor, event_ndims: int, event_shape: tf.TensorShape | None = None
    ) -> None:
        rank = x.shape.rank
        fits = rank is not None and rank >= event_ndims
        if not fits or not tf.TensorShape(event_shape).is_compatible_with(
            x.shape[rank - event_ndims :]
        ):
            raise ValueError(
                f'The event must be [{describe_event(event_ndims, event_shape)}], the last '
                f'{event_ndims} '
                f'dimensions of a tensor of '
                f'rank {event_ndims} or more; got shape {x.shape}.'
            )
        self._shape = x.shape[: rank - event_ndims]
        known = self._shape.is_fully_defined() or self._shape.rank == 1
        dynamic = None if known else tf.shape(x)
        self._sizes = [
            dynamic[axis] if size is None and not known else size
            for axis, size in enumerate(self._shape)
        ]

    def flatten(self, x: tf.Tensor) -> tf.Tensor:
        """Returns x `[..., *event]` as `[batch, *event]`."""
        return x if self._shape.rank == 1 else tf.reshape(x, [-1, *x.shape[self._shape.rank :]])

    def restore(self, y: tf.Tensor) -> tf.Tensor:
        """Returns y `[batch, ...]` with the leading dimensions that there were."""
        return y if self._shape.rank == 1 else tf.reshape(y, [*self._sizes, *y.shape[1:]])

    def flatten_condition(self, condition: tf.Tensor | None, flat: tf.Tensor) -> tf.Tensor | None:
        """Returns a condition as `[batch, condition_dim]`: one for each event, or one for all,
        repeated.

        Args:
            condition: `[..., condition_dim]` with the leading dimensions of x, or
                `[condition_dim]` or `[1, condition_dim]`; or None.
            flat: the flattened x.

        Raises:
            ValueError: if the leading dimensions are others than those of x.
        """
        if condition is None:
            return None
        condition = tf.convert_to_tensor(condition)
        shape = condition.shape
        leading = None if shape.rank is None else shape[:-1]
        if not shape.rank or not (
            leading.is_compatible_with(self._shape) or leading.as_list() in ([], [1])
        ):
            raise ValueError(
                f'`condition` must be [{", ".join(map(str, (*self._shape, "condition_dim")))}], '
                'like the '
                f'leading dimensions of x, or '
                f'one for all, [condition_dim] or [1, condition_dim]; got shape {shape}.'
            )
        if leading.as_list() in ([], [1]):
            return tf.broadcast_to(
                condition,
                [tf.shape(flat)[0] if flat.shape[0] is None else flat.shape[0], shape[-1]],
            )
        return condition if self._shape.rank == 1 else tf.reshape(condition, [-1, shape[-1]])
