"""The interface of networks inside couplings; networks that implement it are interchangeable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import tensorflow as tf


@runtime_checkable
class CouplingNetwork(Protocol):
    """Network that maps the conditioning part of an image, and z, to a coupling's parameters.

    It is a `tf.Module` or a Keras layer whose variables are its weights. Optional attributes:

    - `normalizes_over_batch`: whether it uses statistics of the whole batch in training; default
      False.
    - `hidden_arrays`: approximate number of arrays of its width that backpropagation keeps, for
      estimates of memory; default `HIDDEN_ARRAYS`.
    - `compute_dtype`: `tf.DType` of its computations; default that of its weights.
    - `weight_scales()`: variables that the L2 term of Real NVP regularises; default none.
    """

    def __call__(
        self, x: tf.Tensor, condition: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        """Return `[batch, height, width, out_channels]`.

        Args:
            x: conditioning part, `[batch, height, width, in_channels]`.
            condition: `[batch, condition_dim]`. A network built with `condition_dim=0` must accept
                any condition and ignore it.
            training: whether the weights are being trained.
        """
        ...

    def initialize(self, x: tf.Tensor, condition: tf.Tensor | None = None) -> None:
        """Initialize the weights from real images; afterwards the network returns zeros.

        Args:
            x: conditioning part of images, `[batch, height, width, in_channels]`.
            condition: `[batch, condition_dim]`, or None.
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


def weight_scales(network: CouplingNetwork) -> Sequence[tf.Variable]:
    """Return the variables of a network that the L2 term of Real NVP regularises, if any."""
    scales = getattr(network, 'weight_scales', None)
    return [] if scales is None else scales()
