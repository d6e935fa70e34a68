"""Data-dependent initialization of a scale and a shift per channel (Glow, section 3.1).

Statistics are computed in chunks, so the number of images is not limited by memory.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import tensorflow as tf

from tfwolf.core import validate

# Chunks of this size stay close to the processor's caches.
CHUNK_VALUES = 2**22

Moments = tuple[tf.Tensor, tf.Tensor]


def spans(num_examples: int, values_per_example: int) -> list[slice]:
    """Return slices that split a batch into chunks of at most 2^22 values or one example."""
    size = max(1, CHUNK_VALUES // values_per_example)
    return [slice(start, min(start + size, num_examples)) for start in range(0, num_examples, size)]


def chunks_of(x: tf.Tensor, values_per_example: int | None = None) -> Iterator[tf.Tensor]:
    """Yield x, `[batch, ...]`, in chunks.

    Args:
        x: tensor of static shape.
        values_per_example: number of values that determines the size of a chunk, see `spans`;
            default: that of x.
    """
    batch, *sizes = validate.static_shape('x', x.shape)
    return (x[span] for span in spans(batch, values_per_example or math.prod(sizes)))


def moments(x: tf.Tensor) -> Moments:
    """Return mean and biased variance, `[channels]` each, of x `[batch, ..., channels]`."""
    rows = tf.reshape(x, [-1, x.shape[-1]])
    count = tf.shape(rows)[0]
    # A matrix product is the fastest sum over rows. The first row is subtracted, so that the
    # variance of a constant channel is exactly 0.
    average = functools.partial(tf.matmul, tf.fill([1, count], 1 / tf.cast(count, x.dtype)))
    offset = rows - rows[0]
    mean = average(offset)[0]
    return rows[0] + mean, average(tf.math.squared_difference(offset, mean))[0]


def channel_moments(
    chunks: Iterable[tf.Tensor], of_chunk: Callable[[tf.Tensor], Moments] | None = None
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return mean and biased variance of each channel over all chunks, and the number of values.

    Mean and variance are float64 `[channels]`.

    Args:
        chunks: iterable of tensors `[batch, ..., channels]`; each is released before the next one
            is requested.
        of_chunk: function of a chunk that returns the `moments` of a tensor with the same number
            of values per channel; default: those of the chunk itself.
    """
    # A graph takes half the time of separate operations, because it reuses memory.
    of_chunk = of_chunk or (lambda x: graph_of(moments, x)(x))
    count, mean, squares = 0, np.zeros(()), np.zeros(())
    for x in chunks:
        new_mean, new_variance = (part.numpy().astype(np.float64) for part in of_chunk(x))
        new_count = math.prod(validate.static_shape('chunks', x.shape[:-1]))
        # In float64: float32 is too inexact for sums over thousands of images.
        gap = new_mean - mean
        between = gap**2 * (count * new_count / (count + new_count))
        squares = squares + (new_variance * new_count + between)
        count += new_count
        mean = mean + gap * (new_count / count)
    return mean, squares / count, count


def graph_of(function: Callable[..., Moments], x: tf.Tensor) -> Callable[..., Moments]:
    """Return the `tf.function` of a function for all x that differ in the batch size only."""
    return _graph(function, tuple(x.shape[1:]))


def standardizing(
    chunks: Iterable[tf.Tensor],
    dtype: tf.DType,
    of_chunk: Callable[[tf.Tensor], Moments] | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return (log_scale, bias) such that x exp(log_scale) + bias is standardized per channel.

    The result has mean 0 and variance 1; a channel that is constant keeps the scale 1. Both are
    `[channels]`.

    Args:
        chunks, of_chunk: chunks of x, as in `channel_moments`.
        dtype: floating type of log_scale and bias.
    """
    mean, variance, _ = channel_moments(chunks, of_chunk)
    log_scale = -0.5 * np.log(np.where(variance > 0, variance, 1))
    return tf.constant(log_scale, dtype), tf.constant(-mean * np.exp(log_scale), dtype)


@functools.cache
def _graph(function: Callable[..., Moments], shape: tuple[int, ...]) -> Callable[..., Moments]:
    # One for each shape: a single one would be traced so often that TensorFlow warns. It counts by
    # the code of the function, which a `partial` does not have.
    return tf.function(functools.partial(function), autograph=False)
