"""The conditional coupling layer: one part of the channels, and z, decide what happens to the other part."""
import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector, sum_over_event


class Coupling(FlowBijector):
    """y_a = x_a, y_b = T(x_b; net(x_a, z)) with an element-wise T; log|det| is the sum of T's log-scales.

    Args:
        split: a `ChannelSplit` or a `Checkerboard`, which names the parts a and b.
        net: function of `(x_a, condition, training)` that returns the parameters of T, `[..., outputs_per_channel * channels_b]`, with a
            method `initialize(x_a, condition)` after which it returns zeros.
        transform: T, one of `scales`.
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
        return self._transform(x, condition, training=False)

    def inverse_and_log_det(self, y, condition=None):
        """Returns x: part a is unchanged, so the network computes the same parameters again."""
        a, b = self.split.split(y)
        b, log_scale = self.transform.inverse(b, self.net(a, condition))
        return self.split.merge(a, b), -sum_over_event(self.split.only_transformed(log_scale))

    def forward_in_training(self, x, condition=None):
        """As `FlowBijector.forward_in_training`: the network may normalise over the batch."""
        return self._transform(x, condition, training=True)

    def backpropagate(self, y, upstream, weights, kept=None, condition=None):
        """As `FlowBijector.backpropagate`; also to rebuild x the network runs only once, since its input is part of y."""
        if kept is not None:
            return super().backpropagate(y, upstream, weights, kept, condition)
        a, b = self.split.split(y)
        sources = [a, *([] if condition is None else [condition]), *weights]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sources)
            parameters = self.net(a, condition, training=True)
            b = tf.stop_gradient(self.transform.inverse(b, parameters)[0])
            tape.watch(b)
            transformed, log_scale = self.transform.forward(b, parameters)
            outputs = self.split.merge(a, transformed), sum_over_event(self.split.only_transformed(log_scale))
        *gradients, others = tape.gradient(outputs, [a, b, sources[1:]], upstream)
        x = self.split.merge(a, b)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            parts = self.split.split(x)
        return x, tape.gradient(parts, x, gradients), others

    def forward_with_contributions(self, x, contributions, condition=None):
        """As `FlowBijector.forward_with_contributions`: each transformed dimension contributes its log-scale."""
        a, b = self.split.split(x)
        b, log_scale = self.transform.forward(b, self.net(a, condition))
        return self.split.merge(a, b), contributions + self.split.merge(tf.zeros_like(a), log_scale)

    def initialize_and_forward(self, x, condition=None):
        """Initialises the network, whose output is zero then, and returns y: x itself, where zero parameters mean the identity."""
        a, b = self.split.split(x)
        self.net.initialize(a, condition)
        if self.transform.starts_as_identity:
            return x
        # What one image gets, all get.
        zeros = tf.zeros_like(self.net(a[:1], None if condition is None else condition[:1]))
        return self.split.merge(a, self.transform.forward(b, zeros)[0])

    def _transform(self, x, condition, training):
        a, b = self.split.split(x)
        b, log_scale = self.transform.forward(b, self.net(a, condition, training=training))
        return self.split.merge(a, b), sum_over_event(self.split.only_transformed(log_scale))
