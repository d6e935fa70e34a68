"""The base classes of all invertible layers: one pass gives the value and the log-determinant.

Direction: `forward` maps an image x towards the latent v, `inverse` generates. As a density of x,
`tfp.distributions.TransformedDistribution(N(0, I), tfb.Invert(flow))`.
"""
import math

import tensorflow as tf
import tensorflow_probability as tfp

from tfwolf.variables import CompleteVariables

tfb = tfp.bijectors


class _NoCache:
    """Stands where TFP keeps past results by input tensor: they would outlive a change of the weights."""

    def __init__(self, owner=None):
        self._owner = owner

    def __get__(self, instance, owner=None):
        return _NoCache(instance)

    def forward(self, x, **kwargs):
        return self._owner._forward(x, **kwargs)

    def inverse(self, y, **kwargs):
        return self._owner._inverse(y, **kwargs)

    def forward_attributes(self, x, **kwargs):
        return {}

    def inverse_attributes(self, y, **kwargs):
        return {}

    def clear(self):
        pass


class FlowBijector(CompleteVariables, tfb.Bijector):
    """An invertible layer y = f(x; condition) over events `[height, width, channels]` or `[channels]`.

    A layer writes two methods, `forward_and_log_det` and `inverse_and_log_det`; TFP's methods follow from them (`forward(x,
    condition=z)`, `inverse_log_det_jacobian(y, event_ndims=3, condition=z)` ...). Tensors have one batch dimension in front of the
    event; log-determinants are `[batch]`, in nats, log|det dy/dx|.

    Args:
        event_ndims: 3 for images, 1 for vectors.
        dtype: floating type of the weights, of x and of the log-determinants.
        name: a valid TensorFlow name.
    """

    _cache = _NoCache()
    # What has to come before training, or None; see `tfwolf.models.preparation`.
    preparation = None
    # Whether training sends an image through statistics of the whole batch.
    normalizes_over_batch = False

    def __init__(self, event_ndims, dtype, name):
        # parameters=None: two layers with equal arguments are still two layers.
        super().__init__(forward_min_event_ndims=event_ndims, dtype=tf.as_dtype(dtype), parameters=None, name=name)

    def forward_and_log_det(self, x, condition=None):
        """Returns y = f(x; condition), of shape `[batch, ...]`, and log|det dy/dx|, `[batch]`, in nats.

        Args:
            x: `[batch, height, width, channels]` or `[batch, channels]`.
            condition: `[batch, condition_dim]`, or None for a layer without one.
        """
        raise NotImplementedError

    def inverse_and_log_det(self, y, condition=None):
        """Returns x = f^-1(y; condition) and log|det dx/dy|, `[batch]`, in nats; shapes as in `forward_and_log_det`."""
        raise NotImplementedError

    def forward_in_training(self, x, condition=None):
        """Returns what `forward_and_log_det` does, while weights are trained; differs where a layer normalises over the batch.

        Such a layer takes the statistics of the global batch and moves its running averages. Call it within the strategy's `run`.

        Args:
            x, condition: as in `forward_and_log_det`.
        """
        return self.forward_and_log_det(x, condition)

    def forward_with_contributions(self, x, contributions, condition=None):
        """Returns y and what each of its dimensions has contributed to the log-determinant so far, both of y's shape, in nats.

        The sum over an image grows by the layer's log-determinant. A layer that is not element-wise, such as a 1x1 convolution, has its
        log-determinant spread evenly; one that moves dimensions takes their contributions along.

        Args:
            x: `[batch, ...]`.
            contributions: of x's shape, what the layers before have contributed.
            condition: as in `forward_and_log_det`.

        Reference: Das, Abbeel and Spanos, "Likelihood Contribution based Multi-scale Architecture", 2019, arXiv:1908.01686, equation 9.
        """
        y, log_det = self.forward_and_log_det(x, condition)
        share = log_det / math.prod(x.shape[1:])
        return y, contributions + tf.reshape(share, [-1] + [1] * (x.shape.rank - 1))

    def forward_and_keep(self, x, keep, condition=None):
        """Returns y, the log-determinant `[batch]` in nats, and what `backpropagate` wants beside y.

        Call it outside of a gradient tape, which would store all that happens inside.

        Args:
            x: `[batch, ...]`.
            keep: whether x is kept; else `backpropagate` rebuilds it from y.
            condition: as in `forward_and_log_det`.
        """
        y, log_det = self.forward_in_training(x, condition)
        return y, log_det, x if keep else None

    def backpropagate(self, y, upstream, weights, kept=None, condition=None):
        """Returns the layer's input, the gradient of the loss with respect to it, and the gradients of everything else.

        The layer runs once more, forward from x, and only for this time its inner values are in memory.

        Args:
            y: `[batch, ...]`, the layer's output.
            upstream: (gradient with respect to y, gradient with respect to the log-determinant `[batch]`).
            weights: list of variables or tensors, those of this layer among them.
            kept: what `forward_and_keep` returned: x, or None, and x = f^-1(y).
            condition: as in `forward_and_log_det`.

        Returns:
            x, its gradient (of x's shape), and a list of gradients with respect to `[condition, *weights]` (without a condition, of the
            weights alone), None where the layer does not depend on it.

        Reference: Gomez et al., "The Reversible Residual Network: Backpropagation Without Storing Activations", 2017, arXiv:1707.04585;
        for kept inputs Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016, arXiv:1604.06174.
        """
        x = self.inverse_and_log_det(y, condition)[0] if kept is None else kept
        sources = [x, *([] if condition is None else [condition]), *weights]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sources)
            outputs = self.forward_in_training(x, condition)
        gradient, *others = tape.gradient(outputs, sources, upstream)
        return x, gradient, others

    def auxiliary_losses(self, v, condition=None):
        """Returns `{name: [batch]}`, what training adds to the loss beside the likelihood, in bits per dimension; mostly nothing.

        Args:
            v: `[batch, ...]`, the layer's output.
            condition: as in `forward_and_log_det`.
        """
        return {}

    def initialize(self, x, condition=None):
        """Sets weights that are initialised from data, given the layer's input; most layers have none.

        Called once, eagerly, before the first step, by `Composite.initialize_and_forward`.

        Args:
            x: `[batch, ...]`, the layer's input for a batch of real images.
            condition: `[batch, condition_dim]` or None.
        """

    def initialize_and_forward(self, x, condition=None):
        """Initialises the layer and returns its output for the same batch."""
        self.initialize(x, condition)
        return self.forward_and_log_det(x, condition)[0]

    def _forward(self, x, condition=None):
        return self.forward_and_log_det(x, condition)[0]

    def _inverse(self, y, condition=None):
        return self.inverse_and_log_det(y, condition)[0]

    def _forward_log_det_jacobian(self, x, condition=None):
        return self.forward_and_log_det(x, condition)[1]

    def _inverse_log_det_jacobian(self, y, condition=None):
        return self.inverse_and_log_det(y, condition)[1]

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return {}


def sum_over_event(values):
    """Returns `[batch]`: the sum of `values` over all dimensions but the first."""
    return tf.reduce_sum(values, axis=list(range(1, values.shape.rank)))


def per_example(log_det, x):
    """Returns a scalar log-determinant repeated for every example of x, `[batch]`."""
    return tf.fill([batch_size(x)], log_det)


def batch_size(x):
    """Returns the number of examples of x, an integer where it is known, which saves a graph some nodes."""
    return tf.shape(x)[0] if x.shape[0] is None else x.shape[0]
