"""A chain that XLA compiles as a whole."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector, Pass
from tfwolf.bijectors.chain import Chain
from tfwolf.bijectors.compiled_layer import CompiledLayer
from tfwolf.bijectors.layer_calls import LayerCalls
from tfwolf.bijectors.template import Template
from tfwolf.core.compilation import layers_are_compiled
from tfwolf.core.variables import as_tensorflow, named_variables
from tfwolf.nets.condition import Condition


class CompiledChain(Chain):
    """A `Chain` that XLA compiles as a whole where layers are compiled.

    See `tfwolf.core.compilation`. It must not contain a `Repeat`, normalize over the batch, or need
    a preparation.

    Args:
        layers, name: as of `Chain`.
    """

    def __init__(self, layers: Sequence[FlowBijector], name: str = 'chain') -> None:
        super().__init__(layers, name)
        template = Template(Chain(layers, name), keep_variables=True)
        self._compiled = CompiledLayer(template)

    def forward_and_log_det(self, x: tf.Tensor, condition: Condition | None = None) -> Pass:
        """Apply the layers; see `Composite.forward_and_log_det`."""
        return self._run('forward_and_log_det', x, condition)

    def inverse_and_log_det(self, y: tf.Tensor, condition: Condition | None = None) -> Pass:
        """Invert the layers; see `Composite.inverse_and_log_det`."""
        return self._run('inverse_and_log_det', y, condition)

    def forward_in_training(self, x: tf.Tensor, condition: Condition | None = None) -> Pass:
        """Apply the layers as in training; see `Composite.forward_in_training`."""
        return self._run('forward_in_training', x, condition)

    def _run(self, method: str, x: tf.Tensor, condition: Condition | None) -> Pass:
        if not layers_are_compiled():
            return getattr(super(), method)(x, condition)
        self._check_rank(x)
        stacked = [
            tf.expand_dims(as_tensorflow(variable), 0) for _, variable in named_variables(self)
        ]
        return LayerCalls(self._compiled, stacked, 1).forward(method, x, condition, range(1))[:2]
