"""The conditional coupling layer: one part of the channels, and z, decide what happens to the other part."""
import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector, sum_over_event


class Coupling(FlowBijector):
    """y_a = x_a, y_b = T(x_b; net(x_a, z)) with an element-wise T; log|det| is the sum of T's log-scales.

    Args:
        split: a `ChannelSplit`, which names the parts a and b.
        net: function of `(x_a, condition)` that returns the parameters of T, `[..., outputs_per_channel * channels_b]`, and has a
            method `zero_output` after which it returns zeros.
        transform: T, a `BoundedAffine` or `Additive`.
        event_ndims: 3 for images, 1 for vectors.
        dtype: floating type, that of the net.

    Reference: Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", 2017, arXiv:1605.08803, equations 7-8;
    with z: Ma et al., "Decoupling Global and Local Representations", 2021, arXiv:2004.11820, section 3.2.
    """

    def __init__(self, split, net, transform, event_ndims=3, dtype=tf.float32, name='coupling'):
        super().__init__(event_ndims=event_ndims, dtype=dtype, name=name)
        self.split = split
        self.net = net
        self.transform = transform

    def forward_and_log_det(self, x, condition=None):
        """Returns y with its part b transformed, and the sum of the log-scales, `[batch]` in nats."""
        a, b = self.split.split(x)
        b, log_scale = self.transform.forward(b, self.net(a, condition))
        return self.split.merge(a, b), sum_over_event(log_scale)

    def inverse_and_log_det(self, y, condition=None):
        """Returns x: part a is unchanged, so the network computes the same parameters again."""
        a, b = self.split.split(y)
        b, log_scale = self.transform.inverse(b, self.net(a, condition))
        return self.split.merge(a, b), -sum_over_event(log_scale)

    def initialize_and_forward(self, x, condition=None):
        """Makes the coupling the identity, as it starts, and returns x without running the network."""
        self.net.zero_output()
        return x
