"""Masked convolutions: each pixel is mapped by parameters that depend on one side of it."""

from __future__ import annotations

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.log_det_terms import Terms
from tfwolf.bijectors.masked_inverse import MaskedInverse, RowByRow
from tfwolf.bijectors.transforms import Transform
from tfwolf.nets.condition import Condition
from tfwolf.nets.half_plane_net import HalfPlaneNet
from tfwolf.nets.kept import keeping_nothing


class MaskedConv(FlowBijector):
    """y = T(x; net(half plane of x)), for all channels of all pixels.

    The Jacobian is triangular in the lines of the image, so log|det| is the sum of the log-scales
    of T. The inverse solves the lines one after the other, see `tfwolf.bijectors.masked_inverse`.

    Args:
        net: a `HalfPlaneNet` that returns the parameters of T.
        transform: T, an element-wise map from `tfwolf.bijectors.transforms`.
        inverse: how the inverse is solved, a `RowByRow` or a `FixedPoint`.
        dtype: floating type, that of the net.

    Reference: Ma et al., "MaCow: Masked Convolutional Generative Flow", 2019, arXiv:1902.04208,
        section 3.1.

    >>> transform = tfwolf.BoundedAffine(1.0)
    >>> net = tfwolf.HalfPlaneNet(tfwolf.HalfPlane(axis=0, reverse=False), 3, out_channels=6)
    >>> layer = tfwolf.MaskedConv(net, transform)
    >>> y, log_det = layer.forward_and_log_det(tf.zeros([2, 8, 8, 3]))
    >>> y.shape, log_det.shape
    (TensorShape([2, 8, 8, 3]), TensorShape([2]))
    """

    def __init__(
        self,
        net: HalfPlaneNet,
        transform: Transform,
        inverse: MaskedInverse = RowByRow(),
        dtype: tf.DType = tf.float32,
        name: str = 'masked_conv',
    ) -> None:
        super().__init__(event_ndims=3, dtype=dtype, name=name)
        self.net = net
        self.transform = transform
        self._solve = inverse

    def _forward_terms(
        self, x: tf.Tensor, condition: Condition | None, training: bool
    ) -> tuple[tf.Tensor, Terms]:
        with tf.name_scope('masked_conv'):
            parameters = self.net(x, condition, training=training)
            return self.transform.forward(x, parameters)

    def _inverse_terms(self, y: tf.Tensor, condition: Condition | None) -> tuple[tf.Tensor, Terms]:
        with tf.name_scope('masked_conv'):
            terms = self.net.condition_terms(condition, y)
            # An inverse is a loop.
            with keeping_nothing():
                x, log_scale = self._solve(self.net, self.transform, y, terms)
            return x, -log_scale

    def initialize_and_forward(self, x: tf.Tensor, condition: Condition | None = None) -> tf.Tensor:
        """Initialize the network and return y.

        The initial output of the network is zero. If T is then the identity, y is x.
        """
        self.net.initialize(x, condition)
        if self.transform.starts_as_identity:
            return x
        return self.forward_and_log_det(x, condition)[0]
