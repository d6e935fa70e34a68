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


class Composite(FlowBijector):
    """A layer made of layers. It writes how x travels through them once, in `walk`, and how back, in `inverse_and_log_det`.

    Forward passes, initialisation, diagnosis and whatever else looks at single layers are visits of that one walk.
    """

    def walk(self, visit, x):
        """Sends x forward through the layers inside, each by one call of `visit`.

        Args:
            visit: function `(name, layer, x) -> y` that returns the layer's output.
            x: `[batch, ...]`.

        Returns:
            y, the output of this layer.
        """
        raise NotImplementedError

    def forward_and_log_det(self, x, condition=None):
        """Applies the layers inside; their log-determinants, `[batch]` in nats, add up."""
        return self._add_up(lambda layer, x: layer.forward_and_log_det(x, condition), x)

    def forward_in_training(self, x, condition=None):
        """As `FlowBijector.forward_in_training`, for every layer inside."""
        return self._add_up(lambda layer, x: layer.forward_in_training(x, condition), x)

    def forward_with_contributions(self, x, contributions, condition=None):
        """As `FlowBijector.forward_with_contributions`, for every layer inside."""
        def visit(name, layer, both):
            x, contributions = tf.split(both, 2, axis=0)
            return tf.concat(layer.forward_with_contributions(x, contributions, condition), axis=0)

        # Along the batch: whatever the walk moves, it moves both alike.
        return tuple(tf.split(self.walk(visit, tf.concat([x, contributions], axis=0)), 2, axis=0))

    def _add_up(self, forward, x):
        total = tf.zeros([tf.shape(x)[0]], self.dtype)

        def visit(name, layer, x):
            nonlocal total
            y, log_det = forward(layer, x)
            total += log_det
            return y

        return self.walk(visit, x), total

    def initialize_and_forward(self, x, condition=None):
        """Initialises every layer inside on the output of the ones before it and returns the output of the last."""
        return self.walk(lambda name, layer, x: layer.initialize_and_forward(x, condition), x)


def sum_over_event(values):
    """Returns `[batch]`: the sum of `values` over all dimensions but the first."""
    return tf.reduce_sum(values, axis=list(range(1, values.shape.rank)))


def per_example(log_det, x):
    """Returns a scalar log-determinant repeated for every example of x, `[batch]`."""
    return tf.fill([tf.shape(x)[0]], log_det)


def walk_leaves(layer, visit, x, path=()):
    """Walks x forward through a layer; calls `visit(path, leaf, x) -> y` for every layer that is not a `Composite`.

    Returns:
        y, the output of `layer`.
    """
    if not isinstance(layer, Composite):
        return visit(path, layer, x)
    return layer.walk(lambda name, inner, x: walk_leaves(inner, visit, x, path + (name,)), x)
