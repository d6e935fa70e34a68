"""AdamW, by default with the paper's learning-rate schedule (Wolf, appendix C.2)."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfwolf.core import validate
from tfwolf.core.parts import register
from tfwolf.core.pinned_keras import keras
from tfwolf.core.untracked import Untracked
from tfwolf.core.variables import as_tensorflow
from tfwolf.training.kernels import Weights
from tfwolf.training.schedules import Schedule, WarmupDecay, check_schedule


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
        variables: `tf.Variable`s or `keras.Variable`s to optimize, such as the `Weights` of a model
            (`tfwolf.training.kernels`).
        schedule: the learning rate, such as a `WarmupDecay`, `WarmupCosine` or `Cooldown`.
        weight_decay: decoupled weight decay, multiplied by the learning rate; applied to all
            variables, or to some of them.
        beta1, beta2, epsilon: as in Adam.
        decay_only_kernels: whether weight decay is applied only to the kernels, and not to biases,
            gains and the like; `variables` must be the `Weights` of a model, which know them.

    Reference: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019,
        arXiv:1711.05101, algorithm 2.

    Raises:
        ValueError: if an argument is invalid, or the kernels are not known.
    """

    def __init__(
        self,
        variables: Sequence[tf.Variable | keras.Variable],
        schedule: Schedule = WarmupDecay(),
        weight_decay: float = 1e-6,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        decay_only_kernels: bool = False,
    ) -> None:
        super().__init__(name='adamw')
        check_schedule(schedule)
        self._schedule: Schedule = schedule
        self._weight_decay = validate.real('weight_decay', weight_decay, minimum=0)
        self._beta1 = validate.real('beta1', beta1, minimum=0, below=1)
        self._beta2 = validate.real('beta2', beta2, minimum=0, below=1)
        self._epsilon = validate.real('epsilon', epsilon, above=0)
        self._strategy = tf.distribute.get_strategy()
        self._targets = Untracked([as_tensorflow(variable) for variable in variables])
        self._decayed = Untracked(_which_decay(variables, decay_only_kernels))
        self._only_kernels = decay_only_kernels
        self.updates = tf.Variable(tf.zeros([], tf.int64), trainable=False, name='updates')
        self.first_moments = [
            self._slot(variable, 'first_moment') for variable in self._targets.value
        ]
        self.second_moments = [
            self._slot(variable, 'second_moment') for variable in self._targets.value
        ]

    @property
    def num_decayed(self) -> int:
        """Number of scalars to which weight decay is applied."""
        return sum(
            target.shape.num_elements()
            for target, decayed in zip(self._targets.value, self._decayed.value)
            if decayed
        )

    def notes(self, num_updates: int) -> list[str]:
        """Return sentences on what may surprise in a training with so many updates."""
        found = []
        if self._only_kernels:
            total = sum(target.shape.num_elements() for target in self._targets.value)
            found.append(
                f'Weight decay of {self.num_decayed:,} of {total:,} parameters, the kernels'
            )
        if not self._schedule(tf.constant(num_updates - 1, tf.int64)):
            found.append(
                f'WARNING: the learning rate is 0 at the last of {num_updates:,} steps. Steps with '
                'that rate change nothing: bind `total_updates` of the schedule to the number of '
                'steps.'
            )
        return found

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

        def update(variable, first, second, gradient, decayed):
            scalar = cast[variable.dtype]
            # Skipped if the factor rounds to 1 at the highest learning rate, as the paper's does in
            # float32: it would only cost a pass over all weights.
            strongest = 1 - self._schedule.highest * self._weight_decay
            if decayed and variable.dtype.as_numpy_dtype(strongest) != 1:
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
            self._targets.value,
            self.first_moments,
            self.second_moments,
            gradients,
            self._decayed.value,
        ):
            self._strategy.extended.update(arguments[0], update, args=arguments[1:], group=False)
        self.updates.assign_add(tf.cast(finite, tf.int64))

    def _slot(self, variable, name):
        return tf.Variable(tf.zeros(variable.shape, variable.dtype), trainable=False, name=name)


def _which_decay(
    variables: Sequence[tf.Variable | keras.Variable], only_kernels: bool
) -> list[bool]:
    """Return for each variable whether weight decay is applied to it."""
    if not only_kernels:
        return [True] * len(variables)
    if not isinstance(variables, Weights):
        raise ValueError(
            '`variables` must be the `tfwolf.training.kernels.Weights` of a model if '
            '`decay_only_kernels` is set, since a list does not say which of them are kernels; got '
            f'a {type(variables).__name__}.'
        )
    kernels = {id(variable) for variable in variables.kernels}
    return [id(variable) in kernels for variable in variables]
