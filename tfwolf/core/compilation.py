"""Where XLA compiles the layers of a flow, one by one."""

from __future__ import annotations

import concurrent.futures
import contextlib
import contextvars
import functools
import os
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from tfwolf.core.compiled_ahead import are_static, call_with_zeros, specs_of, start_names
from tfwolf.core.tensor_float_32 import tensor_float_32_is_on

_CURRENT: contextvars.ContextVar[Compilation | None] = contextvars.ContextVar(
    'compilation', default=None
)


class Compilation:
    """What XLA compiles within a `with compile_layers` block.

    Args:
        enabled: whether it compiles layers.
        ahead: whether it compiles each function in a thread of its own, as soon as it is called
            while a graph is traced. Otherwise XLA compiles a function when a graph reaches it, one
            after the other.

    Attributes:
        enabled: whether it compiles layers.
        num_functions: number of functions that were called while a graph was traced.
    """

    def __init__(self, enabled: bool, ahead: bool = False) -> None:
        self.enabled = enabled
        self._called: set[tuple[int, str]] = set()
        self._threads = concurrent.futures.ThreadPoolExecutor(os.cpu_count()) if ahead else None
        self._running: list[concurrent.futures.Future[None]] = []

    @property
    def num_functions(self) -> int:
        """Number of functions that were called while a graph was traced."""
        return len(self._called)

    def called(self, function: Callable[..., Any], arguments: Any) -> None:
        """Note a call of a compiled function while a graph is traced."""
        specs = specs_of(arguments)
        key = id(function), str(specs)
        if key not in self._called:
            self._called.add(key)
            if self._threads is not None and are_static(specs):
                # A thread has no graph. It traces before this one goes on, so that the names of
                # functions, by which XLA's cache finds them, are the same in every process.
                call = self._threads.submit(call_with_zeros, function, specs).result()
                self._running.append(self._threads.submit(call))

    def wait(self) -> None:
        """Wait until all functions that are compiled ahead are ready.

        Raises:
            tf.errors.OpError: if one cannot be compiled.
        """
        for running in self._running:
            running.result()
        if self._threads is not None:
            self._threads.shutdown()


@contextlib.contextmanager
def compile_layers(choice: bool | None, ahead: bool = False) -> Iterator[Compilation]:
    """Within a `with` block, let XLA compile the layers of flows that are called, or not.

    Args:
        choice: whether to compile; None for only if there is a GPU, as outside all such blocks.
        ahead: whether functions are compiled in the background while a graph that calls them is
            traced; see `Compilation`.

    Returns:
        A context manager of the `Compilation`.
    """
    compilation = Compilation(has_gpu() if choice is None else choice, ahead)
    token = _CURRENT.set(compilation)
    if ahead:
        start_names()
    try:
        yield compilation
    finally:
        _CURRENT.reset(token)


def layers_are_compiled() -> bool:
    """Return whether XLA compiles layers here."""
    current = _CURRENT.get()
    return has_gpu() if current is None else current.enabled


def compiles_for_gpu() -> bool:
    """Return whether XLA compiles layers here for a GPU of NVIDIA."""
    return layers_are_compiled() and has_gpu() and tf.test.is_built_with_cuda()


def call_compiled(
    function: Callable[..., Any],
    *arguments: Any,
    compiled_ahead_by: Callable[..., Any] | None = None,
) -> Any:
    """Return the result of a compiled function.

    If a graph is being traced, the function is compiled ahead, as the enclosing `compile_layers`
    says, or in the background outside of such blocks.

    Args:
        function: a `tf.function` with jit_compile=True.
        *arguments: nests of tensors and other values.
        compiled_ahead_by: the function that is called instead to compile ahead, such as one that
            also computes the gradient. It may change variables, which a `compile_layers` block has
            to restore; it is not called outside of such blocks.
    """
    results = function(*arguments)
    # After the call, which traces the function.
    if not tf.executing_eagerly():
        current = _CURRENT.get()
        if current is not None:
            current.called(compiled_ahead_by or function, arguments)
        elif compiled_ahead_by is None:
            _in_background().called(function, arguments)
    return results


class CompiledFunctions:
    """Functions that XLA compiles, by name."""

    def __init__(self) -> None:
        self._functions: dict[tuple[str, bool], Callable[..., Any]] = {}

    def call(self, name: str, run: Callable[..., Any], *arguments: Any) -> Any:
        """Return the result of a function, compiled; see `call_compiled`.

        Args:
            name: a name that always stands for the same function.
            run: the function, of nests of tensors and other values.
            *arguments: its arguments.
        """
        # XLA reads the switch of TF32 when it compiles.
        key = name, tensor_float_32_is_on()
        if key not in self._functions:
            # TensorFlow counts traces by the code of a function, which a `partial` does not have,
            # and would warn about the traces of many layers.
            self._functions[key] = tf.function(
                functools.partial(run), autograph=False, jit_compile=True
            )
        return call_compiled(self._functions[key], *arguments)


def has_gpu() -> bool:
    """Return whether TensorFlow computes on a GPU."""
    return bool(tf.config.list_logical_devices('GPU'))


@functools.cache
def _in_background() -> Compilation:
    return Compilation(has_gpu(), ahead=True)
