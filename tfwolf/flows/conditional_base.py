"""z in the base distribution: v ~ N(mu(z), sigma(z)) instead of z in the couplings (Wolf, table 3,
the baseline).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.chain import Chain
from tfwolf.bijectors.standardization import Standardization
from tfwolf.core import validate
from tfwolf.core.parts import register
from tfwolf.core.untracked import Untracked
from tfwolf.flows.levels import Level
from tfwolf.nets.condition import check_condition


class ConditionalAffine(Standardization):
    """y = (x - mu(z)) exp(-log_sigma(z)), with mu and log sigma of every entry one linear map of z,
    at first zero.

    With y ~ N(0, I) this is x ~ N(mu(z), sigma(z)); log|det dy/dx| = -sum log sigma.

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

    def _moments(self, x: tf.Tensor, condition: tf.Tensor | None) -> tuple[tf.Tensor, tf.Tensor]:
        check_condition(condition, x, self.kernel.shape[0])
        mean, log_sigma = tf.split(tf.matmul(condition, self.kernel) + self.bias, 2, axis=-1)
        return tf.reshape(mean, [-1, *self._shape]), tf.reshape(log_sigma, [-1, *self._shape])


@register
class ConditionalBase(Chain):
    """A flow without a condition, then a `ConditionalAffine`: p(x|z) = N(f(x); mu(z), sigma(z))
    |det df/dx|.

    Args:
        image_shape: (height, width, channels) of x.
        condition_dim: size of z.
        flow: makes the flow, called with (image_shape, condition_dim=0, seed, dtype); it keeps x's
            shape.
        seed: seed of the initial weights.
        dtype: floating type.

    Attributes:
        levels: those of the flow; none for a flow that does not name its own.

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
                '`condition_dim` must be positive: a conditional base needs a model with z; got 0.'
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
        """What the flow inside needs before training, as something that the whole needs; or None."""
        inner = super().preparation
        return None if inner is None else _PreparationOfInner(inner, self._make_flow.value)


class _PreparationOfInner:
    """The preparation of the flow in a `ConditionalBase`, whose changes are those of the inner
    flow's factory.
    """

    def __init__(self, inner: Any, make_flow: Callable[..., FlowBijector]) -> None:
        self._inner, self._make_flow = inner, make_flow
        self.num_steps: int = inner.num_steps

    @property
    def flow_changes(self) -> dict[str, Any]:
        """Arguments that make the flow to be trained first from the factory of the
        `ConditionalBase`.
        """
        return {'flow': functools.partial(self._make_flow, **self._inner.flow_changes)}

    def measure(
        self, flow: ConditionalBase, x: tf.Tensor, condition: tf.Tensor | None = None
    ) -> list[tf.Tensor]:
        """Returns what is averaged over the training images, tensors `[batch, ...]`, from the flow
        inside.
        """
        return self._inner.measure(flow.layers[0], x, None)

    def conclude(self, flow: ConditionalBase, averages: Sequence[np.ndarray]) -> None:
        """Hands the averages to the flow inside."""
        self._inner.conclude(flow.layers[0], averages)
