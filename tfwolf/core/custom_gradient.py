"""Functions with a gradient of their own."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import tensorflow as tf
from tensorflow.python.eager import record

Result = TypeVar('Result')
Gradient = Callable[..., Any]


def custom_gradient(
    function: Callable[..., tuple[Result, Gradient]],
) -> Callable[..., Result]:
    """Decorate a function of tensors that returns its result and a function for its gradient.

    It does what `tf.custom_gradient` does, for functions that read no trainable variables.
    TensorFlow's decorator registers each call within a graph under a new name for the rest of the
    process, and with it the graph and all that the graph refers to: a process that makes one model
    after the other grows. It also searches the graph for variables at each call, and computes zeros
    for the gradients of copies of the arguments. Here, the operation refers to its gradient, and
    goes with its graph.

    Args:
        function: takes tensors. It returns `(result, gradient)`: a nest of tensors, and a function
            from the gradients of a loss with respect to these tensors, in the order of
            `tf.nest.flatten`, to those with respect to the arguments, in a list unless there is
            one. None stands for an argument without gradient.

    Returns:
        A function of the same arguments that returns the result.

    Raises:
        ValueError: when called, if the function reads trainable variables, whose gradients would be
            lost. They can be given as arguments.
    """

    @functools.wraps(function)
    def call(*arguments: Any) -> Result:
        inputs = [tf.convert_to_tensor(argument) for argument in arguments]
        with record.VariableWatcher() as watcher:
            result, gradient = function(*inputs)
        names = [variable.name for variable in watcher.watched_variables()]
        if names:
            raise ValueError(
                f'`function` must not read trainable variables, whose gradients would be lost; '
                f'pass them as arguments; got {function.__qualname__}, which reads {names}.'
            )
        return _with_gradient(function.__name__, inputs, result, gradient)

    return call


def _with_gradient(
    name: str, inputs: Sequence[tf.Tensor], result: Result, gradient: Gradient
) -> Result:
    """Return `result`, whose gradient with respect to `inputs` is computed by `gradient`."""
    outputs = tf.nest.flatten(result)

    def backward(*upstream: tf.Tensor) -> list[tf.Tensor | None]:
        return tf.nest.flatten(gradient(*upstream))

    def of_operation(_: tf.Operation, *upstream: tf.Tensor) -> list[tf.Tensor | None]:
        return [None] * len(outputs) + backward(*upstream[: len(outputs)])

    # A tape asks for the gradient by what is recorded, and the gradient of a traced function, or of
    # a loop, by the operation.
    graph = tf.compat.v1.get_default_graph()
    with record.stop_recording(), graph._override_gradient_function({'IdentityN': of_operation}):
        copies = tf.raw_ops.IdentityN(input=[*outputs, *inputs])[: len(outputs)]
    record.record_operation(name, copies, inputs, backward)
    return tf.nest.pack_sequence_as(result, copies)
