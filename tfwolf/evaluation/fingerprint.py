"""Which images and which software a result belongs to."""
import hashlib
import platform

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

import tfwolf
from tfwolf.data.pipeline import evaluation_batches

BATCH = 1024


def data_fingerprint(split):
    """Returns the SHA-256, in hexadecimal, of all images of a `Split` in their order: shape, then bytes.

    Args:
        split: `Split` of uint8 images.
    """
    digest = None
    for batch in evaluation_batches(split, min(BATCH, split.num_examples)):
        images = batch['image'].numpy()[batch['mask'].numpy()]
        digest = digest or hashlib.sha256(repr(images.shape[1:]).encode())
        digest.update(np.ascontiguousarray(images).tobytes())
    return digest.hexdigest()


def software_versions():
    """Returns `{name: version}` of what computed a result."""
    return {'tfwolf': tfwolf.__version__, 'tensorflow': tf.__version__, 'tensorflow_probability': tfp.__version__,
            'keras': keras.__version__, 'numpy': np.__version__, 'python': platform.python_version()}
