"""Stateless randomness: every random number is a function of the run's seed and of what it is used
for.

Nothing here keeps a state, so a run can be repeated, and resumed at any step, bit for bit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Union

import numpy as np
import tensorflow as tf

# 'auto_select' would draw other bits under XLA than without it. Of the same bits XLA still makes
# other floats, so a compiled function that must agree with one that is not is given its noise.
ALGORITHM = 'philox'
Purpose = Union[str, int]
Shape = Union[Sequence[int], tf.Tensor]


def derive(seed: int, *purpose: Purpose) -> int:
    """Returns a non-negative 63-bit integer that depends on `seed` and on every part of `purpose`.

    Args:
        seed: integer, the seed of the run or of an enclosing part.
        *purpose: strings or integers that name what the new seed is for, for example `('flow', 3)`.
    """
    text = repr((int(seed),) + tuple(purpose)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), 'little') >> 1


def generator(seed: int, *purpose: Purpose) -> np.random.Generator:
    """Returns a fresh `numpy.random.Generator` (Philox) for `derive(seed, *purpose)`; used for
    initial weights.
    """
    return np.random.Generator(np.random.Philox(derive(seed, *purpose)))


def tensor_seed(seed: int, *purpose: Purpose) -> tf.Tensor:
    """Returns `derive(seed, *purpose)` as the int32 `[2]` tensor that TensorFlow's stateless ops
    take.
    """
    value = derive(seed, *purpose)
    return tf.constant([value & 0x7FFFFFFF, value >> 32], tf.int32)


def fold_in(seed: tf.Tensor, *values: int | tf.Tensor) -> tf.Tensor:
    """Mixes integers (Python or tensors: a step, a batch index, a sample index) into a `[2]` tensor
    seed.
    """
    for value in values:
        seed = tf.random.experimental.stateless_fold_in(
            seed, tf.cast(value, tf.int32), alg=ALGORITHM
        )
    return seed


def uniform(shape: Shape, seed: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Returns uniform draws in [0, 1) of `shape` for a `[2]` tensor seed."""
    return tf.random.stateless_uniform(shape, seed, dtype=dtype, alg=ALGORITHM)


def normal(shape: Shape, seed: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Returns standard normal draws of `shape` for a `[2]` tensor seed."""
    return tf.random.stateless_normal(shape, seed, dtype=dtype, alg=ALGORITHM)
