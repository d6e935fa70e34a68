"""Imports TensorFlow without its start-up chatter. Commands import this module before anything else."""
import logging
import os
import tempfile
import time

# As near to the start of the process as our code comes.
PROCESS_STARTED = time.perf_counter()

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')


def _import_tensorflow():
    """Imports TensorFlow with file descriptor 2 held back; what was held is shown if the import fails."""
    saved = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            import tensorflow as tf
        except BaseException:
            held.seek(0)
            os.write(saved, held.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)
    return tf


_import_tensorflow().get_logger().setLevel(logging.ERROR)
