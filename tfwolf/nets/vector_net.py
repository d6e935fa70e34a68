"""The network of couplings of vectors: dense layers on the features."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfwolf.core import seeds, validate
from tfwolf.core.parts import register
from tfwolf.nets.condition import Condition
from tfwolf.nets.conditioned_net import ConditionedNet, uniform_weight
from tfwolf.nets.kept import elu, keep


class _Dense(tf.Module):
    """The weights of one hidden layer."""

    def __init__(
        self, in_size: int, out_size: int, random: np.random.Generator, dtype: tf.DType
    ) -> None:
        super().__init__(name='dense')
        self.kernel = uniform_weight([in_size, out_size], in_size, random, dtype, 'kernel')
        self.bias = uniform_weight([out_size], in_size, random, dtype, 'bias')


@register
class VectorNet(ConditionedNet):
    """`num_hidden` times (dense, ELU), then weight-normalized dense, on the last dimension of x.

    A linear map of z is added before the last ELU. For images it is a network of each pixel alone.

    Args:
        in_channels: size of the conditioning part.
        hidden_channels: width.
        out_channels: size of the result.
        condition_dim: size of z, or 0 for a network without z.
        seed: seed of the initial weights.
        dtype: floating type of weights, computation and result.
        num_hidden: number of hidden layers, at least 1.

    Raises:
        ValueError: if a size is not allowed.

    >>> net = tfwolf.VectorNet(2, 16, 4)
    >>> net(tf.ones([3, 2])).shape
    TensorShape([3, 4])
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        condition_dim: int = 0,
        seed: int = 0,
        dtype: tf.DType = tf.float32,
        num_hidden: int = 2,
    ) -> None:
        super().__init__(name='vector_net')
        validate.integer('hidden_channels', hidden_channels, minimum=1)
        self.hidden_arrays: int = 2 * validate.integer('num_hidden', num_hidden, minimum=1)
        self.compute_dtype = tf.as_dtype(dtype)
        random = seeds.generator(seed, 'vector_net')
        sizes = [in_channels, *[hidden_channels] * (num_hidden - 1)]
        self.hidden = [_Dense(size, hidden_channels, random, dtype) for size in sizes]
        self._add_condition_layers(condition_dim, 0, hidden_channels, random, dtype)
        self._add_output_layer([hidden_channels, out_channels], random, dtype)

    def __call__(
        self, x: tf.Tensor, condition: Condition | None = None, training: bool = False
    ) -> tf.Tensor:
        """Return `[..., out_channels]`.

        Args:
            x: conditioning part, `[batch, in_channels]` or `[batch, height, width, in_channels]`.
            condition: z, `[batch, condition_dim]`; not used by a network without z.
            training: not used.

        Raises:
            ValueError: if z is missing or has another shape.
        """
        h = x
        for index, layer in enumerate(self.hidden):
            h = tf.tensordot(h, layer.kernel, 1) + layer.bias
            if self.condition_dim and index == len(self.hidden) - 1:
                h += self._term(condition, x)
            h = elu(h)
        return keep(tf.tensordot(h, self.output_kernel, 1) + self.output_bias)

    def _term(self, condition: Condition | None, x: tf.Tensor) -> tf.Tensor:
        """Return the term of z, `[batch, ..., hidden]`, with sizes of 1 for pixels."""
        term = self.vector_term(condition, x)
        return tf.reshape(term, [-1, *[1] * (x.shape.rank - 2), term.shape[-1]])
