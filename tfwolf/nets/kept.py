"""Values inside a network that are kept for its gradient; all others are computed again.

The gradient of a compiled layer runs the layer forward once more. Where a network marks a value by
`keep` or applies `elu`, that run continues with the value of the first run, so nothing before it is
computed again for the sake of the value.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import tensorflow as tf

from tfwolf.core.custom_gradient import custom_gradient
from tfwolf.nets.activated_products import elu_slope

Value = TypeVar('Value')

# A function that receives the computation of each marked value in turn, and returns the value to
# continue with.
_Exchange = Callable[[Callable[[], Any]], Any]
_EXCHANGE: contextvars.ContextVar[_Exchange | None] = contextvars.ContextVar('keep', default=None)


@contextlib.contextmanager
def recording() -> Iterator[list[Any]]:
    """Within a `with` block, append marked values to the list that is returned.

    They are tensors and tuples of tensors.
    """
    values: list[Any] = []

    def record(compute: Callable[[], Any]) -> Any:
        values.append(compute())
        return values[-1]

    with _exchanging(record):
        yield values


@contextlib.contextmanager
def replaying(values: Sequence[Any]) -> Iterator[None]:
    """Within a `with` block, continue with recorded values, in the order of their recording."""
    remaining = iter(values)
    with _exchanging(lambda compute: next(remaining)):
        yield


@contextlib.contextmanager
def keeping_nothing() -> Iterator[None]:
    """Within a `with` block, keep nothing: the values of a body of a loop cannot leave it."""
    with _exchanging(None):
        yield


def keep(x: tf.Tensor) -> tf.Tensor:
    """Return x, and keep it for the gradient."""
    return (
        x if _EXCHANGE.get() is None else _with_value(x, kept(lambda: x), lambda upstream: upstream)
    )


def elu(x: tf.Tensor) -> tf.Tensor:
    """Return ELU(x), and keep it for the gradient, which is computed from this output only."""

    def compute() -> tf.Tensor:
        with tf.name_scope('elu'):
            return tf.nn.elu(x)

    if _EXCHANGE.get() is None:
        return compute()
    y = kept(compute)

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        with tf.name_scope('elu'):
            return upstream * elu_slope(y)

    return _with_value(x, y, gradient)


def kept(compute: Callable[[], Value]) -> Value:
    """Return the result of `compute`, recorded, or the recorded one without calling it.

    It is for functions with a gradient of their own. The result is a tensor or a tuple of tensors.
    """
    exchange = _EXCHANGE.get()
    return compute() if exchange is None else exchange(compute)


@contextlib.contextmanager
def _exchanging(exchange: _Exchange | None) -> Iterator[None]:
    token = _EXCHANGE.set(exchange)
    try:
        yield
    finally:
        _EXCHANGE.reset(token)


def _with_value(
    x: tf.Tensor, value: tf.Tensor, gradient: Callable[[tf.Tensor], tf.Tensor]
) -> tf.Tensor:
    """Return `value` as a function of x with the given gradient."""

    @custom_gradient
    def function(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        return tf.identity(value), gradient

    return function(x)
