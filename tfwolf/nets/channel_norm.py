"""A scale and a shift per channel that start by standardising real data, however many images there
are (Glow, section
3.1).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import tensorflow as tf

CHUNK_VALUES = 2**22

Moments = tuple[tf.Tensor, tf.Tensor]


def spans(num_examples: int, values_per_example: int) -> list[slice]:
    """Returns slices that cut a batch into chunks of at most 2^22 values, an example at least: they
    stay close to the
    processor's caches.
    """
    size = max(1, CHUNK_VALUES // values_per_example)
    return [slice(start, min(start + size, num_examples)) for start in range(0, num_examples, size)]


def chunks_of(x: tf.Tensor, values_per_example: int | None = None) -> Iterator[tf.Tensor]:
    """Yields x, `[batch, ...]`, in chunks; by `spans` of so many values per example, or of x's own."""
    return (x[span] for span in spans(x.shape[0], values_per_example or math.prod(x.shape[1:])))


def moments(x: tf.Tensor) -> Moments:
    """Returns mean and biased variance of each channel of x, `[batch, ..., channels]`; `[channels]`
    each, in x's type.
    """
    rows = tf.reshape(x, [-1, x.shape[-1]])
    count = tf.shape(rows)[0]
    # Products with ones are the fastest sums over rows. From the first row on, so that a constant
    # channel has the variance 0 exactly.
    average = functools.partial(tf.matmul, tf.fill([1, count], 1 / tf.cast(count, x.dtype)))
    offset = rows - rows[0]
    mean = average(offset)[0]
    return rows[0] + mean, average(tf.math.squared_difference(offset, mean))[0]


def channel_moments(
    chunks: Iterable[tf.Tensor], of_chunk: Callable[[tf.Tensor], Moments] | None = None
) -> tuple[np.ndarray, np.ndarray, int]:
    """Returns mean and biased variance of each channel over all chunks, and the number of values of
    a channel; float64,
    `[channels]` and `[]`.

    Args:
        chunks: iterable of tensors `[batch, ..., channels]`; each is let go before the next one is
            asked for.
        of_chunk: function of a chunk that returns the `moments` of something computed from it, of
            as many values; default: of the chunk.
    """
    # One graph runs in half the time of its operations one by one, which would not reuse each
    # other's memory.
    of_chunk = of_chunk or (lambda x: graph_of(moments, x)(x))
    count, mean, squares = 0, 0.0, 0.0
    for x in chunks:
        new_mean, new_variance = (part.numpy().astype(np.float64) for part in of_chunk(x))
        new_count = math.prod(x.shape[:-1])
        # In float64: thousands of images have more values than float32 can add up.
        gap = new_mean - mean
        squares += new_variance * new_count + gap**2 * (count * new_count / (count + new_count))
        count += new_count
        mean += gap * (new_count / count)
    return mean, squares / count, count


def graph_of(function: Callable[..., Moments], x: tf.Tensor) -> Callable[..., Moments]:
    """Returns the `tf.function` of a function for all x of one shape, whatever the batch."""
    return _graph(function, tuple(x.shape[1:]))


def standardizing(
    chunks: Iterable[tf.Tensor],
    dtype: tf.DType,
    of_chunk: Callable[[tf.Tensor], Moments] | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns (log_scale, bias), `[channels]` each, for which x exp(log_scale) + bias has mean 0
    and variance 1 per channel.

    Args:
        chunks, of_chunk: as in `channel_moments`, x in parts. A channel that is constant in x keeps
            the scale 1.
        dtype: floating type of the result.
    """
    mean, variance, _ = channel_moments(chunks, of_chunk)
    log_scale = -0.5 * np.log(np.where(variance > 0, variance, 1))
    return tf.constant(log_scale, dtype), tf.constant(-mean * np.exp(log_scale), dtype)


@functools.cache
def _graph(function: Callable[..., Moments], shape: tuple[int, ...]) -> Callable[..., Moments]:
    # One for each shape: one for all would be traced so often that TensorFlow warns of it. It counts
    # by the code of the function, which a `partial` does not have.
    return tf.function(functools.partial(function), autograph=False)
