"""What a file of compressed images depends on: weights, pixels, versions of software."""

from __future__ import annotations

import hashlib
import importlib.metadata

import numpy as np
import tensorflow as tf

import tfwolf
from tfwolf.core.variables import as_tensorflow, named_variables
from tfwolf.models.wolf import Wolf


def model_hash(model: Wolf) -> str:
    """Return a hash of the names and values of all weights, 32 hexadecimal digits."""
    digest = hashlib.sha256()
    for path, variable in named_variables(model):
        value = as_tensorflow(variable).numpy()
        digest.update(f'{"/".join(path)} {value.dtype} {value.shape}\n'.encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()[:32]


def pixel_hash(images: np.ndarray) -> str:
    """Return the SHA-256 of images, with their type and shape, in hexadecimal."""
    digest = hashlib.sha256(f'{images.dtype} {images.shape}\n'.encode())
    digest.update(np.ascontiguousarray(images).tobytes())
    return digest.hexdigest()


def software_versions() -> dict[str, str]:
    """Return `{name: version}` of the software that the code depends on."""
    return {
        'tfwolf': tfwolf.__version__,
        'tensorflow': tf.__version__,
        'constriction': importlib.metadata.version('constriction'),
    }


def out_of_step(written_with: dict[str, str]) -> str:
    """Return the message for a file that does not decompress.

    Args:
        written_with: `software_versions` of the program that wrote it.
    """
    here = software_versions()
    other = [
        f'{name} {version} (here {here.get(name)})'
        for name, version in written_with.items()
        if here.get(name) != version
    ]
    reason = (
        f'It was written with {", ".join(other)}: use these versions.'
        if other
        else 'It was written with the same versions: the processor, or the settings of TensorFlow '
        'such as TF_ENABLE_ONEDNN_OPTS, are others.'
    )
    return (
        'The file does not decompress on this machine: the networks compute other numbers here '
        f'than where it was written. Nothing was written. {reason}'
    )
