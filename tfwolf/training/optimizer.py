"""AdamW with the paper's learning-rate schedule (Wolf, appendix C.2)."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfwolf.core import validate
from tfwolf.core.parts import register
from tfwolf.core.pinned_keras import keras
from tfwolf.core.untracked import Untracked
from tfwolf.core.variables import as_tensorflow


@register
class WarmupDecay:
    """Learning rate schedule: linear from `initial` to `peak`, then multiplied by `decay`.

    Args:
        warmup_updates: number of warmup updates; the first update uses `initial`.
        peak: highest learning rate.
        initial: learning rate of the first update.
        decay: factor per update after warmup.
    """

    def __init__(
        self,
        warmup_updates: int = 50,
        peak: float = 1e-3,
        initial: float = 1e-7,
        decay: float = 0.999997,
    ) -> None:
        self.warmup_updates = validate.integer('warmup_updates', warmup_updates, minimum=0)
        self.peak = validate.real('peak', peak, above=0)
        self.initial = validate.real('initial', initial, minimum=0)
        self.decay = validate.real('decay', decay, above=0, maximum=1)

    @property
    def highest(self) -> float:
        """The highest learning rate of the schedule."""
        return max(self.peak, self.initial)

    def __call__(self, update: int | tf.Tensor) -> tf.Tensor:
        """Return the learning rate, float64, of update number `update` (0 is the first)."""
        update = tf.cast(update, tf.float64)
        warming = self.initial + (self.peak - self.initial) * update / max(self.warmup_updates, 1)
        decaying = self.peak * tf.pow(
            tf.constant(self.decay, tf.float64), update - self.warmup_updates
        )
        return tf.where(update < self.warmup_updates, warming, decaying)


@register
class AdamW(tf.Module):
    """Adam with decoupled weight decay.

    p <- p (1 - lr weight_decay) - lr m^ / (sqrt(v^) + epsilon), with m^ and v^ the bias-corrected
    moments of the gradient. Keras's AdamW adds epsilon to the uncorrected root, which differs
    slightly. One fused kernel updates each variable: with c = 1 - beta2^t,
    `m^ / (sqrt(v^) + eps)` equals `m sqrt(c) / (1 - beta1^t) / (sqrt(v) + eps sqrt(c))`.

    Create the object inside the scope of the strategy of the variables. The defaults are those of
    the paper's CIFAR-10 model.

    Args:
        variables: `tf.Variable`s or `keras.Variable`s to optimize.
        schedule: a `WarmupDecay`, or another function from the number of the update to the learning
            rate that has an attribute `highest`.
        weight_decay: decoupled weight decay, multiplied by the learning rate; applied to all
            variables.
        beta1, beta2, epsilon: as in Adam.

    Reference: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019,
        arXiv:1711.05101, algorithm 2.
    """

    def __init__(
        self,
        variables: Sequence[tf.Variable | keras.Variable],
        schedule: WarmupDecay = WarmupDecay(),
        weight_decay: float = 1e-6,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        super().__init__(name='adamw')
        self._schedule = schedule
        self._weight_decay = validate.real('weight_decay', weight_decay, minimum=0)
        self._beta1 = validate.real('beta1', beta1, minimum=0, below=1)
        self._beta2 = validate.real('beta2', beta2, minimum=0, below=1)
        self._epsilon = validate.real('epsilon', epsilon, above=0)
        self._strategy = tf.distribute.get_strategy()
        self._targets = Untracked([as_tensorflow(variable) for variable in variables])
        self.updates = tf.Variable(tf.zeros([], tf.int64), trainable=False, name='updates')
        self.first_moments = [
            self._slot(variable, 'first_moment') for variable in self._targets.value
        ]
        self.second_moments = [
            self._slot(variable, 'second_moment') for variable in self._targets.value
        ]

    @property
    def learning_rate(self) -> tf.Tensor:
        """The learning rate of the next update, float64."""
        return self._schedule(self.updates)

    def apply(
        self, gradients: Sequence[tf.Tensor], finite: tf.Tensor, checked: bool = False
    ) -> None:
        """Update all variables; call it in cross-replica context.

        Args:
            gradients: one tensor (or per-replica value of equal tensors) per variable, already
                summed over replicas.
            finite: scalar bool, whether all gradients are finite; if false, nothing changes.
            checked: whether gradients that are not finite have been replaced by zeros.
        """
        step = tf.cast(self.updates + 1, tf.float64)
        correction1, correction2 = (
            1 - tf.pow(tf.constant(beta, tf.float64), step) for beta in (self._beta1, self._beta2)
        )
        rate = tf.where(finite, self.learning_rate, 0)
        scalars = {
            'decay': 1 - rate * self._weight_decay,
            'rate': rate * tf.sqrt(correction2) / correction1,
            'epsilon': self._epsilon * tf.sqrt(correction2),
            'beta1': tf.where(finite, tf.constant(self._beta1, tf.float64), 1),
            'beta2': tf.where(finite, tf.constant(self._beta2, tf.float64), 1),
            'zero': tf.zeros([], tf.float64),
        }
        cast = {
            dtype: {name: tf.cast(value, dtype) for name, value in scalars.items()}
            for dtype in {variable.dtype for variable in self._targets.value}
        }

        def update(variable, first, second, gradient):
            scalar = cast[variable.dtype]
            # Skipped if the factor rounds to 1 at the highest learning rate, as the paper's does in
            # float32: it would only cost a pass over all weights.
            if variable.dtype.as_numpy_dtype(1 - self._schedule.highest * self._weight_decay) != 1:
                variable.assign(variable * scalar['decay'])
            # The powers are zero because rate and epsilon include the bias corrections, in float64.
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=first.handle,
                v=second.handle,
                beta1_power=scalar['zero'],
                beta2_power=scalar['zero'],
                lr=scalar['rate'],
                beta1=scalar['beta1'],
                beta2=scalar['beta2'],
                epsilon=scalar['epsilon'],
                # A non-finite gradient must not reach the moments, not even multiplied by zero.
                grad=gradient if checked else tf.where(finite, gradient, scalar['zero']),
            )

        for arguments in zip(
            self._targets.value, self.first_moments, self.second_moments, gradients
        ):
            self._strategy.extended.update(arguments[0], update, args=arguments[1:], group=False)
        self.updates.assign_add(tf.cast(finite, tf.int64))

    def _slot(self, variable, name):
        return tf.Variable(tf.zeros(variable.shape, variable.dtype), trainable=False, name=name)
