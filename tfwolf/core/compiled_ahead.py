"""Calls of compiled functions for which XLA compiles them before their results are needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import ops

# Counting that far takes about 0.1 s.
NAMES = 2**20


def specs_of(arguments: Any) -> Any:
    """Return a nest of arguments with a `tf.TensorSpec` in place of each tensor."""

    def spec(value: Any) -> Any:
        return tf.TensorSpec(value.shape, value.dtype) if tf.is_tensor(value) else value

    return tf.nest.map_structure(spec, arguments)


def are_static(specs: Any) -> bool:
    """Return whether all shapes in a nest of `tf.TensorSpec`s are known."""
    return all(
        spec.shape.is_fully_defined()
        for spec in tf.nest.flatten(specs)
        if isinstance(spec, tf.TensorSpec)
    )


def start_names() -> None:
    """Let TensorFlow's count of objects continue at the next of few large numbers.

    Names of functions contain the count, and XLA's cache on disk finds functions by their names. A
    process that continues a run has counted other objects before than one that starts it.
    """
    while ops.uid() % NAMES:
        pass


def call_with_zeros(function: Callable[..., Any], specs: Any) -> Callable[[], None]:
    """Return a traced call of a function, by a graph: an eager call is compiled separately.

    It has neither arguments nor results. An eager tensor would take one of the numbers from which
    TensorFlow makes the names of functions, at any time while others are traced.

    Args:
        function: a `tf.function` with jit_compile=True.
        specs: its arguments, with a `tf.TensorSpec` in place of each tensor.
    """

    @tf.function(input_signature=[], autograph=False)
    def call() -> None:
        # TensorFlow does not know that this is zero. It would move a constant into the function.
        zero = _variable('zero')
        tf.raw_ops.AssignVariableOp(resource=zero, value=tf.zeros([]))
        value = tf.raw_ops.ReadVariableOp(resource=zero, dtype=tf.float32)

        def zeros(spec: Any) -> Any:
            if not isinstance(spec, tf.TensorSpec):
                return spec
            return tf.fill(spec.shape, tf.cast(value, spec.dtype))

        results = tf.nest.flatten(function(*tf.nest.map_structure(zeros, specs)))
        some = tf.reshape(next(result for result in results if result is not None), [-1])[0]
        # An assignment, so that the call is not removed.
        tf.raw_ops.AssignVariableOp(resource=_variable('result'), value=tf.cast(some, tf.float32))

    return call.get_concrete_function()


def _variable(name: str) -> tf.Tensor:
    """Return the handle of a variable that only exists in graphs."""
    return tf.raw_ops.VarHandleOp(
        dtype=tf.float32, shape=[], shared_name=f'compiled_ahead_{name}', container=''
    )
