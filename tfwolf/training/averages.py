"""Averages of the weights over training, used for evaluation in place of the weights."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import tensorflow as tf

from tfwolf.core import validate
from tfwolf.core.pinned_keras import keras
from tfwolf.core.untracked import Untracked
from tfwolf.core.variables import as_tensorflow

RAW, AVERAGED = 'raw', 'averaged'


class WeightAverages(tf.Module):
    """Average the weights w over updates: a <- a + r (w - a) with r = max(1 - decay, 9 / (10 + t)).

    t = 1, 2, ... is the number of the update; r is 1 at the first one, so the initial weights have
    no influence. At first the average covers about the last ninth of the updates so far, which
    forgets early weights, and later about the last 1 / (1 - decay) updates. Running statistics of
    batch norm are averages already and are not averaged again. Create the object inside the scope
    of the strategy of the variables.

    Args:
        variables: `tf.Variable`s or `keras.Variable`s to average.
        decay: number with 0 < decay < 1, for example 0.9999.

    Reference: Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992;
        with a decay as in the program of Kingma and Dhariwal, "Glow", 2018, and the warmup of
        `tf.train.ExponentialMovingAverage`.
    """

    def __init__(self, variables: Sequence[tf.Variable | keras.Variable], decay: float) -> None:
        super().__init__(name='averages')
        self._decay = validate.real('ema_decay', decay, above=0, below=1)
        self._strategy = tf.distribute.get_strategy()
        weights = [as_tensorflow(variable) for variable in variables]
        self._weights = Untracked(weights)
        self.count = tf.Variable(tf.zeros([], tf.int64), trainable=False, name='count')
        self.values = [
            tf.Variable(tf.zeros(weight.shape, weight.dtype), trainable=False, name='average')
            for weight in weights
        ]

    def update(self, finite: tf.Tensor) -> None:
        """Update the averages; call it in cross-replica context, after the optimizer.

        Args:
            finite: scalar bool, whether the weights were updated; if false, nothing changes.
        """
        self.count.assign_add(tf.cast(finite, tf.int64))
        count = tf.cast(self.count, tf.float64)
        warming = tf.where(count <= 1, tf.ones_like(count), 9 / (10 + count))
        rate = tf.where(finite, tf.maximum(warming, 1.0 - self._decay), 0)

        def move(value, weight):
            value.assign_add(tf.cast(rate, value.dtype) * (weight - value))

        for value, weight in zip(self.values, self._weights.value):
            self._strategy.extended.update(value, move, args=(weight,), group=False)

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Set the weights to their averages within a `with` block, then restore them.

        Before the first update the weights stay as they are.
        """
        if not self.count.numpy():
            yield
            return
        kept = [tf.identity(weight) for weight in self._weights.value]
        try:
            for weight, value in zip(self._weights.value, self.values):
                weight.assign(tf.identity(value))
            yield
        finally:
            for weight, value in zip(self._weights.value, kept):
                weight.assign(value)

    def adopt(self) -> None:
        """Set the weights to their averages permanently, when training is finished."""
        if self.count.numpy():
            for weight, value in zip(self._weights.value, self.values):
                weight.assign(tf.identity(value))
