"""The interface of networks inside couplings; networks that implement it are interchangeable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import tensorflow as tf

from tfwolf.nets.condition import Condition


@runtime_checkable
class CouplingNetwork(Protocol):
    """Network that maps the conditioning part of an image, and z, to a coupling's parameters.

    It is a `tf.Module` or a Keras layer whose variables are its weights. Optional attributes:

    - `normalizes_over_batch`: whether it uses statistics of the whole batch in training; default
      False.
    - `hidden_arrays`: approximate number of arrays of its width that backpropagation keeps, for
      estimates of memory; default `HIDDEN_ARRAYS`.
    - `hidden_channels`: width of its hidden layers, if it differs from that of its flow.
    - `compute_dtype`: `tf.DType` of its computations; default that of its weights.
    - `weight_scales()`: variables that the L2 term of Real NVP regularises; default none.
    """

    def __call__(
        self, x: tf.Tensor, condition: Condition | None = None, training: bool = False
    ) -> tf.Tensor:
        """Return `[batch, height, width, out_channels]`.

        Args:
            x: conditioning part, `[batch, height, width, in_channels]`.
            condition: `[batch, condition_dim]`, an image, or both; see `tfwolf.nets.condition`. A
                network must accept any condition and ignore the parts it was not built for.
            training: whether the weights are being trained.
        """
        ...

    def initialize(self, x: tf.Tensor, condition: Condition | None = None) -> None:
        """Initialize the weights from real images; afterwards the network returns zeros.

        Args:
            x: conditioning part of images, `[batch, height, width, in_channels]`.
            condition: as in `__call__`, or None.
        """
        ...


class CouplingNetworkFactory(Protocol):
    """Creates a `CouplingNetwork`: a class, or a `functools.partial` that sets more arguments."""

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
        """Return a network with its own weights.

        A network for a condition with an image has one more argument, `condition_channels`: the
        channels of that image at the resolution of x. It is passed only if they are not 0.

        Args:
            in_channels: number of channels of the conditioning part.
            hidden_channels: width of the hidden layers.
            out_channels: number of channels of the result.
            condition_dim: size of the condition; 0 for a network without one.
            seed: seed of the initial weights.
            dtype: floating type of weights and result.
        """
        ...


# Default for networks without the attribute `hidden_arrays`.
HIDDEN_ARRAYS = 4


def hidden_arrays(network: CouplingNetwork) -> int:
    """Return the approximate number of arrays of its width that backpropagation keeps."""
    return getattr(network, 'hidden_arrays', HIDDEN_ARRAYS)


def hidden_width(network: CouplingNetwork, hidden_channels: int) -> int:
    """Return the width of a network's hidden layers: its own, or that of its flow."""
    return getattr(network, 'hidden_channels', hidden_channels)


def weight_scales(network: CouplingNetwork) -> Sequence[tf.Variable]:
    """Return the variables of a network that the L2 term of Real NVP regularises, if any."""
    scales = getattr(network, 'weight_scales', None)
    return [] if scales is None else scales()
