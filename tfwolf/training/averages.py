"""Averages of the weights over the latest updates, to evaluate with instead of the weights
themselves.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import tensorflow as tf

from tfwolf.core import validate
from tfwolf.core.untracked import Untracked
from tfwolf.core.variables import as_tensorflow

RAW, AVERAGED = 'raw', 'averaged'
# What a user may ask for; 'ema' is another name of the averages.
CHOICES = ('auto', RAW, AVERAGED, 'ema')


class WeightAverages(tf.Module):
    """a <- a + r (w - a) after each update, with r = max(1 - decay, 1 / t) for update t = 1, 2, ...

    At first that is the plain mean of all weights so far, later an exponential moving average over
    about 1 / (1 - decay) updates; where training started has no weight in it. Running statistics of
    batch norm are averages already and are not averaged again. Made inside the scope of the
    strategy whose variables it follows.

    Args:
        variables: what is averaged, `tf.Variable`s or `keras.Variable`s.
        decay: 0 < decay < 1, for example 0.9999.

    Reference: Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992;
        with a decay as Kingma and Dhariwal,
    "Glow", 2018, use it in their program.
    """

    def __init__(self, variables: Sequence, decay: float) -> None:
        super().__init__(name='averages')
        self._decay = validate.real('ema_decay', decay, above=0, below=1)
        self._strategy = tf.distribute.get_strategy()
        weights = [as_tensorflow(variable) for variable in variables]
        self._weights = Untracked(weights)
        self.count = tf.Variable(0, dtype=tf.int64, trainable=False, name='count')
        self.values = [
            tf.Variable(tf.zeros(weight.shape, weight.dtype), trainable=False, name='average')
            for weight in weights
        ]

    def update(self, finite: tf.Tensor) -> None:
        """Takes the weights in; call it in cross-replica context, after the optimizer.

        Args:
            finite: scalar bool, whether there was an update; if false, nothing changes.
        """
        self.count.assign_add(tf.cast(finite, tf.int64))
        newest = 1.0 / tf.cast(tf.maximum(self.count, 1), tf.float64)
        rate = tf.where(finite, tf.maximum(newest, 1.0 - self._decay), 0)

        def move(value, weight):
            value.assign_add(tf.cast(rate, value.dtype) * (weight - value))

        for value, weight in zip(self.values, self._weights.value):
            self._strategy.extended.update(value, move, args=(weight,), group=False)

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """The weights are their averages for the length of a `with` block (before the first update,
        what they are).
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
        """Sets the weights to their averages for good: after training, when the optimizer needs
        them no more.
        """
        if self.count.numpy():
            for weight, value in zip(self._weights.value, self.values):
                weight.assign(tf.identity(value))
