"""Which weights of a model are kernels: those that weight decay may pull towards zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfwolf.core.pinned_keras import keras
from tfwolf.core.variables import trainable_variables
from tfwolf.training.variable_owners import owned_variables

Variable = tf.Variable | keras.Variable
# Attribute of a class: names of its attributes that are no kernels, whatever their rank.
UNDECAYED = 'undecayed_weights'


class Weights(Sequence[Variable]):
    """The trainable variables of a model, and which of them are kernels.

    A kernel is a weight that sums over its inputs, as in a matrix product or a convolution. By this
    rule, a trainable variable is one if it has at least two axes, of which the leading axis of the
    weights that `Repeat` stacks is not counted, and if its owner does not name it in the attribute
    `undecayed_weights`. So kernels are those of convolutions and of dense layers, and the
    directions of weight normalization, whose decay only bounds how long they grow. No kernels are

    - biases, and whatever else has one number per channel: `log_scale` and `bias` of actnorm, the
      lengths of weight normalization, gamma and beta of batch norm, means and scales of priors,
    - matrices of invertible layers (`FullMatrix`, `PLUMatrix`), which are singular at zero,
    - the vectors per class of a `ClassLatent`, of which an update reads only some.

    Args:
        model: a `Wolf`, or another object that TensorFlow tracks.

    Attributes:
        kernels: the kernels, in the same order.
    """

    def __init__(self, model: Any) -> None:
        self._all: list[Variable] = trainable_variables(model)
        self.kernels: list[Variable] = [
            found.variable
            for found in owned_variables(model)
            if found.variable.trainable
            and len(found.variable.shape) - found.is_stacked >= 2
            and found.attribute not in getattr(found.owner, UNDECAYED, ())
        ]

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, index: Any) -> Any:
        return self._all[index]
