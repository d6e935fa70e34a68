"""The conditional coupling layer: one part of x, with z, parametrises a map of the other part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector, Gradients, Pass
from tfwolf.bijectors.channel_split import ChannelSplit
from tfwolf.bijectors.checkerboard import Checkerboard
from tfwolf.bijectors.log_det_terms import SummedTerms, Terms, sum_over_event
from tfwolf.bijectors.transforms import BoundedAffine, Transform
from tfwolf.nets.condition import Condition, rows_of, tensors_of
from tfwolf.nets.coupling_nets import ConvCouplingNet
from tfwolf.nets.protocol import CouplingNetwork, CouplingNetworkFactory


class Coupling(FlowBijector):
    """y_a = x_a, y_b = T(x_b; net(x_a, z)); log|det| is the sum of the log-scales of T.

    Args:
        split: a `ChannelSplit` or a `Checkerboard`, which defines the parts a and b.
        net: a `CouplingNetwork` that returns the parameters of T, `[..., outputs_per_channel *
            channels_b]`.
        transform: T, an element-wise map from `tfwolf.bijectors.transforms`.
        event_ndims: 3 for images, 1 for vectors.
        dtype: floating type, that of the net.

    Reference: Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", 2017,
        arXiv:1605.08803, equations 7-8; with z: Ma et al., "Decoupling Global and Local
        Representations", 2021, arXiv:2004.11820, section 3.2.
    """

    def __init__(
        self,
        split: ChannelSplit | Checkerboard,
        net: CouplingNetwork,
        transform: Transform,
        event_ndims: int = 3,
        dtype: tf.DType = tf.float32,
        name: str = 'coupling',
    ) -> None:
        super().__init__(event_ndims=event_ndims, dtype=dtype, name=name)
        self.split = split
        self.net = net
        self.transform = transform

    @classmethod
    def build(
        cls,
        channels: int,
        net: CouplingNetworkFactory = ConvCouplingNet,
        transform: Transform = BoundedAffine(1.0),
        condition_dim: int = 0,
        hidden_channels: int = 64,
        seed: int = 0,
        dtype: tf.DType = tf.float32,
        split: ChannelSplit | None = None,
    ) -> Coupling:
        """Return a coupling that splits images by channels, with a network of matching size.

        Args:
            channels: number of channels of the images.
            net: factory of the network; see `tfwolf.nets.protocol.CouplingNetworkFactory`.
            transform: T, an element-wise map from `tfwolf.bijectors.transforms`.
            condition_dim: size of the condition z, or 0.
            hidden_channels: width of the network.
            seed: seed of the initial weights.
            dtype: floating type.
            split: the conditioning and the transformed channels. None for `ChannelSplit(channels)`:
                the first half conditions the second half.

        Raises:
            ValueError: if the split has another number of channels, or the network rejects an
                argument.

        >>> coupling = tfwolf.Coupling.build(12, hidden_channels=16, condition_dim=4)
        >>> y, log_det = coupling.forward_and_log_det(tf.zeros([2, 8, 8, 12]), tf.zeros([2, 4]))
        >>> y.shape, log_det.shape
        (TensorShape([2, 8, 8, 12]), TensorShape([2]))
        """
        split = split or ChannelSplit(channels)
        if split.channels != channels:
            raise ValueError(
                f'`split` must be of {channels} channels; got one of {split.channels} channels.'
            )
        made = net(
            in_channels=split.conditioning_channels,
            hidden_channels=hidden_channels,
            out_channels=split.transformed_channels * transform.outputs_per_channel,
            condition_dim=condition_dim,
            seed=seed,
            dtype=dtype,
        )
        return cls(split, made, transform, dtype=dtype)

    @property
    def normalizes_over_batch(self) -> bool:
        """Whether the network uses statistics of the whole batch in training."""
        return getattr(self.net, 'normalizes_over_batch', False)

    def _forward_terms(
        self, x: tf.Tensor, condition: Condition | None, training: bool
    ) -> tuple[tf.Tensor, Terms]:
        a, b = self.split.split(x)
        b, log_scale = self.transform.forward(b, self._run_net(a, condition, training))
        return self.split.merge(a, b), self._terms(a, log_scale)

    def _inverse_terms(self, y: tf.Tensor, condition: Condition | None) -> tuple[tf.Tensor, Terms]:
        # Part a is unchanged, so the network returns the same parameters.
        a, b = self.split.split(y)
        b, log_scale = self.transform.inverse(b, self._run_net(a, condition))
        return self.split.merge(a, b), self._terms(a, log_scale, sign=-1)

    def backpropagate(
        self,
        y: tf.Tensor,
        upstream: Pass,
        weights: Sequence[tf.Tensor | tf.Variable],
        kept: Any = None,
        condition: Condition | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor, Gradients]:
        """Backpropagate with a single run of the network, whose input is part of y.

        See `FlowBijector.backpropagate`.
        """
        if kept is not None:
            return super().backpropagate(y, upstream, weights, kept, condition)
        a, b = self.split.split(y)
        sources = [a, *tensors_of(condition), *weights]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sources)
            parameters = self._run_net(a, condition, training=True)
            b = tf.stop_gradient(self.transform.inverse(b, parameters)[0])
            tape.watch(b)
            transformed, log_scale = self.transform.forward(b, parameters)
            outputs = (
                self.split.merge(a, transformed),
                sum_over_event(self.split.only_transformed(log_scale)),
            )
        of_a, of_b, *others = tape.gradient(outputs, [a, b, *sources[1:]], list(upstream))
        x = self.split.merge(a, b)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            parts = self.split.split(x)
        gradient = tape.gradient(parts, x, [cast(tf.Tensor, of_a), cast(tf.Tensor, of_b)])
        return x, cast(tf.Tensor, gradient), cast(Gradients, others)

    def initialize_and_forward(self, x: tf.Tensor, condition: Condition | None = None) -> tf.Tensor:
        """Initialize the network and return y.

        The initial output of the network is zero. If T is then the identity, y is x.
        """
        a, b = self.split.split(x)
        self.net.initialize(a, condition)
        if self.transform.starts_as_identity:
            return x
        # The parameters are zero for every image; one image gives their shape.
        zeros = tf.zeros_like(self.net(a[:1], rows_of(condition, slice(1))))
        return self.split.merge(a, self.transform.forward(b, zeros)[0])

    def _run_net(
        self, a: tf.Tensor, condition: Condition | None, training: bool = False
    ) -> tf.Tensor:
        with tf.name_scope('coupling_net'):
            return self.net(a, condition, training=training)

    def _terms(self, a: tf.Tensor, log_scale: tf.Tensor, sign: int = 1) -> SummedTerms:
        """Return the log-scales of part b and zeros for part a, times `sign`."""
        total = sum_over_event(self.split.only_transformed(log_scale))
        return SummedTerms(
            total if sign > 0 else -total,
            lambda: sign * self.split.merge(tf.zeros_like(a), log_scale),
        )
