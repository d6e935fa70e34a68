"""TF32: float32 products whose factors a GPU rounds to 10 bits, which is faster.

TensorFlow has one switch for a whole process. A kernel of TensorFlow reads it when it runs, XLA
when it compiles a function. Compiled functions and plans of convolutions are used again for
arguments of the same shapes, whatever the switch says then.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import tensorflow as tf

TF32 = 'tf32'


def tensor_float_32_is_on() -> bool:
    """Return whether GPUs may use TF32 for float32 products."""
    return tf.config.experimental.tensor_float_32_execution_enabled()


@contextlib.contextmanager
def tensor_float_32(allowed: bool) -> Iterator[None]:
    """Within a `with` block, let GPUs that have TF32 use it for float32 products.

    Args:
        allowed: whether they may; False changes nothing.
    """
    before = tensor_float_32_is_on()
    tf.config.experimental.enable_tensor_float_32_execution(before or allowed)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)
