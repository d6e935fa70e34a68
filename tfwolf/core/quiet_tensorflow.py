"""TensorFlow without the lines that it prints when it is imported."""

from __future__ import annotations

import logging
import os
import sys
from types import ModuleType

from tfwolf.core.suppress_stderr import suppress_stderr


def import_tensorflow(errors_only: bool = False) -> ModuleType:
    """Import TensorFlow and return it; the messages of its start are not shown.

    The environment variable TF_CPP_MIN_LOG_LEVEL wins if it is set.

    Args:
        errors_only: whether TensorFlow's Python code logs errors only from now on.
    """
    if 'tensorflow' not in sys.modules:
        os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
        with suppress_stderr():
            import tensorflow  # noqa: F401
    tf = sys.modules['tensorflow']
    if errors_only:
        tf.get_logger().setLevel(logging.ERROR)
    return tf
