"""TensorFlow without the lines that it prints when it is imported, and with exact float32."""

from __future__ import annotations

import functools
import logging
import os
import sys
from types import ModuleType

from tfwolf.core.suppress_stderr import suppress_stderr


def import_tensorflow(errors_only: bool = False) -> ModuleType:
    """Import TensorFlow and return it; the messages of its start are not shown.

    The environment variable TF_CPP_MIN_LOG_LEVEL wins if it is set. The first call turns TF32 off:
    on GPUs that have it, TensorFlow would otherwise round the factors of float32 products, and
    with them log-determinants and round trips, to 10 bits. Call
    `tf.config.experimental.enable_tensor_float_32_execution(True)` afterwards to allow it.

    Args:
        errors_only: whether TensorFlow's Python code logs errors only from now on.
    """
    if 'tensorflow' not in sys.modules:
        os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
        with suppress_stderr():
            import tensorflow  # noqa: F401
    tf = sys.modules['tensorflow']
    _use_exact_float32()
    if errors_only:
        tf.get_logger().setLevel(logging.ERROR)
    return tf


@functools.cache
def _use_exact_float32() -> None:
    sys.modules['tensorflow'].config.experimental.enable_tensor_float_32_execution(False)
