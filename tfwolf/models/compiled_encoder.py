"""A network that XLA compiles as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar, cast

import tensorflow as tf

from tfwolf.core.compilation import call_compiled, layers_are_compiled
from tfwolf.core.variables import as_tensorflow, trainable_variables

Result = TypeVar('Result')


class CompiledEncoder(Generic[Result]):
    """Calls an encoder or a similar network, as one function that XLA compiles.

    It is compiled where layers are.

    With several replicas it is not compiled: in training, batch norm communicates between them.

    Args:
        encoder: a function of (x, training) that returns tensors, such as an `EncoderNetwork`.
    """

    def __init__(self, encoder: Callable[..., Result]) -> None:
        self._encoder = encoder
        self._compiled = tf.function(self._outputs, autograph=False, jit_compile=True)

    def __call__(self, x: tf.Tensor, training: bool) -> Result:
        """Return the network's result for x `[batch, height, width, channels]` in [-1, 1]."""
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        if replicas > 1 or not layers_are_compiled():
            return self._encoder(x, training=training)
        # In training it moves the running averages of batch norm.
        ahead = self._with_gradient if training else None
        return call_compiled(self._compiled, x, training, compiled_ahead_by=ahead)

    def _outputs(self, x: tf.Tensor, training: bool) -> Result:
        return self._encoder(x, training=training)

    def _with_gradient(self, x: tf.Tensor, training: bool) -> list[tf.Tensor]:
        """Call the compiled function so that XLA also compiles its gradient."""
        variables = [as_tensorflow(variable) for variable in trainable_variables(self._encoder)]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            outputs = self._compiled(x, training)
        return cast(list[tf.Tensor], tape.gradient(outputs, variables))
