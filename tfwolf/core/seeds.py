"""Stateless randomness: every random number is a function of the run's seed and of its purpose.

No state is kept, so a run can be repeated, and resumed at any step, bit for bit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

# 'auto_select' would draw different bits with XLA than without it. XLA also converts the same bits
# to different floats, so compiled functions that must match uncompiled ones receive their noise as
# an argument.
ALGORITHM = 'philox'
Purpose = str | int
Shape = Sequence[int | tf.Tensor] | tf.Tensor


def derive(seed: int, *purpose: Purpose) -> int:
    """Return a non-negative 63-bit integer that depends on `seed` and on all parts of `purpose`.

    Args:
        seed: integer, the seed of the run or of an enclosing part.
        *purpose: strings or integers that identify the use of the new seed, for example
            `('flow', 3)`.
    """
    text = repr((int(seed),) + tuple(purpose)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), 'little') >> 1


def generator(seed: int, *purpose: Purpose) -> np.random.Generator:
    """Return a new `numpy.random.Generator` (Philox) seeded with `derive(seed, *purpose)`.

    Initial weights are drawn with it.
    """
    return np.random.Generator(np.random.Philox(derive(seed, *purpose)))


def tensor_seed(seed: int, *purpose: Purpose) -> tf.Tensor:
    """Return `derive(seed, *purpose)` as int32 `[2]`, the seed of TensorFlow's stateless ops."""
    value = derive(seed, *purpose)
    return tf.constant([value & 0x7FFFFFFF, value >> 32], tf.int32)


def fold_in(seed: tf.Tensor, *values: int | tf.Tensor) -> tf.Tensor:
    """Return a tensor seed `[2]` that mixes integers into another one.

    Args:
        seed: tensor seed `[2]`.
        *values: Python integers or integer tensors, such as a step or the index of a batch.
    """
    for value in values:
        seed = tf.random.experimental.stateless_fold_in(  # pyright: ignore[reportAttributeAccessIssue]
            seed, tf.cast(value, tf.int32), alg=ALGORITHM
        )
    return seed


def uniform(shape: Shape, seed: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Return uniform draws in [0, 1) of `shape` for a tensor seed `[2]`."""
    return tf.random.stateless_uniform(
        shape,  # pyright: ignore[reportArgumentType]
        seed,
        dtype=dtype,
        alg=ALGORITHM,
    )


def normal(shape: Shape, seed: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Return standard normal draws of `shape` for a tensor seed `[2]`."""
    return tf.random.stateless_normal(
        shape,  # pyright: ignore[reportArgumentType]
        seed,
        dtype=dtype,
        alg=ALGORITHM,
    )
