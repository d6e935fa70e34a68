"""What a coupling asks of its network, so that any network that offers it can take the place of
another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import tensorflow as tf


@runtime_checkable
class CouplingNetwork(Protocol):
    """A network from the conditioning part of an image, and a condition z, to the parameters of a
    coupling.

    It is a `tf.Module` (or a Keras layer) whose variables are its weights. A network may also have
        these attributes:

    - `normalizes_over_batch`: whether it uses statistics of the whole batch in training; without
      it, False.
    - `hidden_arrays`: about how many arrays of its width backpropagation keeps, for the estimate of
      memory; without it, `HIDDEN_ARRAYS`.
    - `compute_dtype`: the `tf.DType` that it computes in; without it, that of its weights.
    - `weight_scales()`: the variables that Real NVP's L2 term regularises; without it, none.
    """

    def __call__(
        self, x: tf.Tensor, condition: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        """Returns `[batch, height, width, out_channels]` for x `[batch, height, width, in_channels]`.

        Args:
            x: the conditioning part.
            condition: `[batch, condition_dim]`. A network made for `condition_dim=0` must accept
                any condition and not read it.
            training: whether weights are being trained.
        """
        ...

    def initialize(self, x: tf.Tensor, condition: tf.Tensor | None = None) -> None:
        """Initialises weights from the conditioning part of real images; from then on, until it is
        trained, the network returns zeros.
        """
        ...


class CouplingNetworkFactory(Protocol):
    """Makes a `CouplingNetwork`: a class, or a `functools.partial` of one that sets its further
    arguments.
    """

    def __call__(
        self,
        *,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        condition_dim: int,
        seed: int,
        dtype: tf.DType,
    ) -> CouplingNetwork:
        """Returns a network with weights of its own.

        Args:
            in_channels: channels of the conditioning part.
            hidden_channels: width.
            out_channels: channels of the result.
            condition_dim: size of the condition, or 0 for a network without one.
            seed: seed of the initial weights.
            dtype: floating type of weights and result.
        """
        ...


# What the estimate of memory assumes of a network that does not say.
HIDDEN_ARRAYS = 4


def hidden_arrays(network: CouplingNetwork) -> int:
    """Returns about how many arrays of its width backpropagation keeps of a network."""
    return getattr(network, 'hidden_arrays', HIDDEN_ARRAYS)


def weight_scales(network: CouplingNetwork) -> Sequence[tf.Variable]:
    """Returns the variables of a network that Real NVP's L2 term regularises; none for a network
    that does not name any.
    """
    return network.weight_scales() if hasattr(network, 'weight_scales') else []
