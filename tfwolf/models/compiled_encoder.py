"""An encoder that XLA compiles as a whole."""

from __future__ import annotations

from typing import cast

import tensorflow as tf

from tfwolf.core.compilation import call_compiled, layers_are_compiled
from tfwolf.core.variables import as_tensorflow, trainable_variables
from tfwolf.distributions.posterior import Posterior
from tfwolf.models.encoder import EncoderNetwork


class CompiledEncoder:
    """Calls an encoder, as one function that XLA compiles where layers are compiled.

    With several replicas it is not compiled: in training, batch norm communicates between them.

    Args:
        encoder: an `EncoderNetwork`.
    """

    def __init__(self, encoder: EncoderNetwork) -> None:
        self._encoder = encoder
        self._compiled = tf.function(self._outputs, autograph=False, jit_compile=True)

    def __call__(self, x: tf.Tensor, training: bool) -> Posterior:
        """Return q(z|x) for x `[batch, height, width, channels]` in [-1, 1]."""
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        if replicas > 1 or not layers_are_compiled():
            return self._encoder(x, training=training)
        # In training it moves the running averages of batch norm.
        ahead = self._with_gradient if training else None
        return Posterior(*call_compiled(self._compiled, x, training, compiled_ahead_by=ahead))

    def _outputs(self, x: tf.Tensor, training: bool) -> tuple[tf.Tensor, ...]:
        return tuple(self._encoder(x, training=training))

    def _with_gradient(self, x: tf.Tensor, training: bool) -> list[tf.Tensor]:
        """Call the compiled function so that XLA also compiles its gradient."""
        variables = [as_tensorflow(variable) for variable in trainable_variables(self._encoder)]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            outputs = self._compiled(x, training)
        return cast(list[tf.Tensor], tape.gradient(outputs, variables))
