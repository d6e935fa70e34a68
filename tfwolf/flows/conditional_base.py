"""The baseline with z in the base distribution, v ~ N(mu(z), sigma(z)) (Wolf, table 3)."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.chain import Chain
from tfwolf.bijectors.preparation import Preparation
from tfwolf.bijectors.standardization import Standardization
from tfwolf.core import validate
from tfwolf.core.parts import register
from tfwolf.core.untracked import Untracked
from tfwolf.flows.levels import Level
from tfwolf.nets.condition import Condition, check_condition


class ConditionalAffine(Standardization):
    """y = (x - mu(z)) exp(-log_sigma(z)); log|det dy/dx| = -sum log sigma.

    mu and log sigma of all entries are a linear map of z, which starts at zero. If y ~ N(0, I),
    then x ~ N(mu(z), sigma(z)).

    Args:
        image_shape: (height, width, channels) of x.
        condition_dim: size of z.
        dtype: floating type.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        condition_dim: int,
        dtype: tf.DType = tf.float32,
        name: str = 'conditional_affine',
    ) -> None:
        super().__init__(event_ndims=3, dtype=dtype, name=name)
        validate.integer('condition_dim', condition_dim, minimum=1)
        self._shape = tuple(image_shape)
        outputs = 2 * math.prod(self._shape)
        self.kernel = tf.Variable(tf.zeros([condition_dim, outputs], dtype), name='kernel')
        self.bias = tf.Variable(tf.zeros([outputs], dtype), name='bias')

    def _moments(self, x: tf.Tensor, condition: Condition | None) -> tuple[tf.Tensor, tf.Tensor]:
        condition = check_condition(condition, x, self.kernel.shape[0])
        mean, log_sigma = tf.split(tf.matmul(condition, self.kernel) + self.bias, 2, axis=-1)
        return tf.reshape(mean, [-1, *self._shape]), tf.reshape(log_sigma, [-1, *self._shape])


@register
class ConditionalBase(Chain):
    """p(x|z) = N(f(x); mu(z), sigma(z)) |det df/dx| for a flow f without a condition.

    It is a chain of the flow and a `ConditionalAffine`.

    Args:
        image_shape: (height, width, channels) of x.
        condition_dim: size of z.
        flow: factory of the flow, called with (image_shape, condition_dim=0, seed, dtype); it must
            keep x's shape.
        seed: seed of the initial weights.
        dtype: floating type.

    Attributes:
        levels: levels of the flow; empty if the flow does not have this attribute.

    Raises:
        ValueError: if `condition_dim` is 0.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        condition_dim: int,
        flow: Callable[..., FlowBijector],
        seed: int = 0,
        dtype: tf.DType = tf.float32,
        name: str = 'conditional_base',
    ) -> None:
        if condition_dim == 0:
            raise ValueError(
                '`condition_dim` must be positive, since a conditional base needs a model with z; '
                'got 0.'
            )
        inner = flow(image_shape=image_shape, condition_dim=0, seed=seed, dtype=dtype)
        super().__init__(
            [inner, ConditionalAffine(image_shape, condition_dim, dtype=dtype)], name=name
        )
        self.event_shape = tf.TensorShape(image_shape)
        self.levels: tuple[Level, ...] = getattr(inner, 'levels', ())
        self._make_flow = Untracked(flow)

    @property
    def preparation(self) -> _PreparationOfInner | None:
        """The preparation of the inner flow, adapted to this flow, or None."""
        inner = super().preparation
        return None if inner is None else _PreparationOfInner(inner, self._make_flow.value)


class _PreparationOfInner:
    """The preparation of the flow inside a `ConditionalBase`."""

    def __init__(self, inner: Preparation, make_flow: Callable[..., FlowBijector]) -> None:
        self._inner, self._make_flow = inner, make_flow
        self.num_steps: int = inner.num_steps

    @property
    def flow_changes(self) -> dict[str, Any]:
        """Arguments that turn the `ConditionalBase` factory into that of the first phase's flow."""
        return {'flow': functools.partial(self._make_flow, **self._inner.flow_changes)}

    def measure(
        self, flow: ConditionalBase, x: tf.Tensor, condition: Condition | None = None
    ) -> list[tf.Tensor]:
        """Return the measured tensors, `[batch, ...]`, of the inner flow."""
        return self._inner.measure(flow.layers[0], x, None)

    def conclude(self, flow: ConditionalBase, averages: Sequence[np.ndarray]) -> None:
        """Configure the inner flow from the averages."""
        self._inner.conclude(flow.layers[0], averages)
