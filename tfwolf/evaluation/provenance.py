"""Provenance of a result: images, checkpoint, seed and software."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from typing import Any

import numpy as np
import PIL
import tensorflow as tf
import tensorflow_probability as tfp

import tfwolf
from tfwolf.core.files import sha256
from tfwolf.core.pinned_keras import keras
from tfwolf.data.dataset import ImageDataset, Split
from tfwolf.data.fingerprint import data_fingerprint


def provenance(
    dataset: ImageDataset,
    split_name: str,
    split: Split,
    checkpoint: str,
    weights: str,
    seed: int,
    arithmetic: str,
) -> dict[str, Any]:
    """Return everything that a result depends on except the number of samples and the batch size.

    Args:
        dataset: the `ImageDataset`.
        split_name: 'train', 'validation' or 'test'.
        split: the `Split`, or the first images of it.
        checkpoint: path of the checkpoint, without extension.
        weights: which weights, 'raw' or 'averaged'.
        seed: integer.
        arithmetic: of the networks, such as 'float32'; see `models.arithmetic`.
    """
    return {
        'dataset': dataset.name,
        'dataset_version': dataset.version,
        'split': split_name,
        'data_fingerprint': data_fingerprint(split),
        'checkpoint': os.path.basename(checkpoint),
        'checkpoint_sha256': checkpoint_sha256(checkpoint),
        'weights': weights,
        'arithmetic': arithmetic,
        'seed': seed,
        'versions': software_versions(),
        **accepted_changes(dataset.accepted_changes),
    }


def checkpoint_sha256(checkpoint: str) -> str:
    """Return the SHA-256 of a checkpoint's index, in hexadecimal.

    The index holds a checksum of every weight.
    """
    return sha256(f'{checkpoint}.index')


def accepted_changes(changes: Sequence[str]) -> dict[str, list[str]]:
    """Return what results say of the accepted changes of a run's images: nothing without any."""
    return {'accepted_data_changes': list(changes)} if changes else {}


def software_versions() -> dict[str, str]:
    """Return `{name: version}` of the software that affects a result."""
    return {
        'tfwolf': tfwolf.__version__,
        'tensorflow': tf.__version__,
        'tensorflow_probability': tfp.__version__,
        'keras': keras.__version__,
        'numpy': np.__version__,
        'pillow': PIL.__version__,
        'python': platform.python_version(),
    }
