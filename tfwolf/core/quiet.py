"""Imports TensorFlow without its start-up chatter. Commands import this module before anything
else.
"""

import logging
import os
import time

from tfwolf.core.suppress_stderr import suppress_stderr

# As near to the start of the process as our code comes.
PROCESS_STARTED = time.perf_counter()

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

with suppress_stderr():
    import tensorflow as tf  # noqa: E402

tf.get_logger().setLevel(logging.ERROR)
