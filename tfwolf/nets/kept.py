"""Values inside a network that are kept for its gradient; all others are computed again.

The gradient of a compiled layer runs the layer forward once more. Where a network marks a value by
`keep` or applies `elu`, that run continues with the value of the first run, so nothing before it is
computed again for the sake of the value.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator, Sequence

import tensorflow as tf

from tfwolf.nets.activated_products import elu_slope

# A function that receives each marked value in turn and returns the value to continue with.
_Exchange = Callable[[tf.Tensor], tf.Tensor]
_EXCHANGE: contextvars.ContextVar[_Exchange | None] = contextvars.ContextVar('keep', default=None)


@contextlib.contextmanager
def recording() -> Iterator[list[tf.Tensor]]:
    """Within a `with` block, append marked values to the list that is returned."""
    values: list[tf.Tensor] = []

    def record(value: tf.Tensor) -> tf.Tensor:
        values.append(value)
        return value

    with _exchanging(record):
        yield values


@contextlib.contextmanager
def replaying(values: Sequence[tf.Tensor]) -> Iterator[None]:
    """Within a `with` block, continue with recorded values, in the order of their recording."""
    remaining = iter(values)
    with _exchanging(lambda value: next(remaining)):
        yield


@contextlib.contextmanager
def keeping_nothing() -> Iterator[None]:
    """Within a `with` block, keep nothing: the values of a body of a loop cannot leave it."""
    with _exchanging(None):
        yield


def keep(x: tf.Tensor) -> tf.Tensor:
    """Return x, and keep it for the gradient."""
    return x if _EXCHANGE.get() is None else _with_value(x, kept(x), lambda upstream: upstream)


def elu(x: tf.Tensor) -> tf.Tensor:
    """Return ELU(x), and keep it for the gradient, which is computed from this output only."""
    with tf.name_scope('elu'):
        y = tf.nn.elu(x)
    if _EXCHANGE.get() is None:
        return y
    y = kept(y)

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        with tf.name_scope('elu'):
            return upstream * elu_slope(y)

    return _with_value(x, y, gradient)


def kept(value: tf.Tensor) -> tf.Tensor:
    """Return `value`, recorded, or the recorded one; for functions with a gradient of their own."""
    exchange = _EXCHANGE.get()
    return value if exchange is None else exchange(value)


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

    @tf.custom_gradient
    def function(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        return tf.identity(value), gradient

    return function(x)  # pyright: ignore[reportReturnType]
