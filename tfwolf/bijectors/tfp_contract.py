"""TFP's bijector methods, derived from one-pass methods for value and log-determinant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from tfwolf.bijectors.batch_shape import BatchShape
from tfwolf.core.variables import CompleteVariables
from tfwolf.nets.condition import Condition

tfb = tfp.bijectors
OnePass = Callable[[tf.Tensor, Condition | None], 'tuple[tf.Tensor, tf.Tensor]']


class _NoCache:
    """Replaces TFP's cache of results, which would be stale after the weights change."""

    def __init__(self, owner: Any = None) -> None:
        self._owner = owner

    def __get__(self, instance: Any, owner: type | None = None) -> _NoCache:
        return _NoCache(instance)

    def forward(self, x: tf.Tensor, **kwargs: Any) -> tf.Tensor:
        return self._owner._forward(x, **kwargs)

    def inverse(self, y: tf.Tensor, **kwargs: Any) -> tf.Tensor:
        return self._owner._inverse(y, **kwargs)

    def forward_attributes(self, x: tf.Tensor, **kwargs: Any) -> dict:
        return {}

    def inverse_attributes(self, y: tf.Tensor, **kwargs: Any) -> dict:
        return {}

    def clear(self) -> None:
        pass


class OnePassBijector(CompleteVariables, tfb.Bijector):
    """A `tfp.bijectors.Bijector` defined by `forward_and_log_det` and `inverse_and_log_det`.

    These two methods require exactly one batch dimension. TFP's methods (`forward(x, condition=z)`,
    `inverse_log_det_jacobian(y, event_ndims=3, condition=z)`, and `log_prob` and `sample` of
    distributions) accept any number of leading dimensions, including none. The condition has the
    same leading dimensions, or is a single one, such as `[condition_dim]` or `[1, condition_dim]`.

    Args:
        event_ndims: 3 for images, 1 for vectors.
        dtype: floating type of the weights, of x and of the log-determinants.
        name: a valid TensorFlow name.

    Attributes:
        event_shape: shape of x without the batch, if the layer is built for one shape; else None.
    """

    _cache = _NoCache()
    event_shape: tf.TensorShape | None = None

    def __init__(self, event_ndims: int, dtype: tf.DType, name: str) -> None:
        arguments: dict[str, Any] = {
            'forward_min_event_ndims': event_ndims,
            'dtype': tf.as_dtype(dtype),
            # Two layers with equal arguments are not equal.
            'parameters': None,
            'name': name,
        }
        super().__init__(**arguments)

    def forward_and_log_det(
        self, x: tf.Tensor, condition: Condition | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return y = f(x; condition), `[batch, ...]`, and log|det dy/dx|, `[batch]`, in nats.

        Args:
            x: `[batch, height, width, channels]` or `[batch, features]`.
            condition: a `Condition`, or None for a layer without one.
        """
        raise NotImplementedError

    def inverse_and_log_det(
        self, y: tf.Tensor, condition: Condition | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return x = f^-1(y; condition) and log|det dx/dy|, `[batch]`, in nats.

        Shapes are those of `forward_and_log_det`.
        """
        raise NotImplementedError

    def _forward(self, x: tf.Tensor, condition: Condition | None = None) -> tf.Tensor:
        return self._any_batch(self.forward_and_log_det, 0, x, condition)

    def _inverse(self, y: tf.Tensor, condition: Condition | None = None) -> tf.Tensor:
        return self._any_batch(self.inverse_and_log_det, 0, y, condition)

    def _forward_log_det_jacobian(
        self, x: tf.Tensor, condition: Condition | None = None
    ) -> tf.Tensor:
        return self._any_batch(self.forward_and_log_det, 1, x, condition)

    def _inverse_log_det_jacobian(
        self, y: tf.Tensor, condition: Condition | None = None
    ) -> tf.Tensor:
        return self._any_batch(self.inverse_and_log_det, 1, y, condition)

    def _any_batch(
        self, one_pass: OnePass, which: int, x: tf.Tensor, condition: Condition | None
    ) -> tf.Tensor:
        batch = BatchShape(x, self.forward_min_event_ndims, self.event_shape)
        flat = batch.flatten(x)
        return batch.restore(one_pass(flat, batch.flatten_condition(condition, flat))[which])

    @classmethod
    def _parameter_properties(cls, dtype: tf.DType, num_classes: int | None = None) -> dict:
        return {}
