"""z in the base distribution: v ~ N(mu(z), sigma(z)) instead of z in the couplings (Wolf, table 3, the baseline)."""
import math

import tensorflow as tf

from tfwolf import validate
from tfwolf.bijectors.base import FlowBijector, sum_over_event
from tfwolf.bijectors.chain import Chain


class ConditionalAffine(FlowBijector):
    """y = (x - mu(z)) exp(-log_sigma(z)), with mu and log sigma of every entry one linear map of z, at first zero.

    With y ~ N(0, I) this is x ~ N(mu(z), sigma(z)); log|det dy/dx| = -sum log sigma.

    Args:
        image_shape: (height, width, channels) of x.
        condition_dim: size of z.
        dtype: floating type.
    """

    def __init__(self, image_shape, condition_dim, dtype=tf.float32, name='conditional_affine'):
        super().__init__(event_ndims=3, dtype=dtype, name=name)
        validate.integer('condition_dim', condition_dim, minimum=1)
        self._shape = tuple(image_shape)
        outputs = 2 * math.prod(self._shape)
        self.kernel = tf.Variable(tf.zeros([condition_dim, outputs], dtype), name='kernel')
        self.bias = tf.Variable(tf.zeros([outputs], dtype), name='bias')

    def forward_and_log_det(self, x, condition=None):
        """Returns y, and the negative sum of log sigma, `[batch]` in nats."""
        mean, log_sigma = self._moments(condition)
        return (x - mean) * tf.exp(-log_sigma), -sum_over_event(log_sigma)

    def inverse_and_log_det(self, y, condition=None):
        """Returns x = mu + y sigma, and the sum of log sigma."""
        mean, log_sigma = self._moments(condition)
        return mean + y * tf.exp(log_sigma), sum_over_event(log_sigma)

    def forward_with_contributions(self, x, contributions, condition=None):
        """As `FlowBijector.forward_with_contributions`: each entry contributes -log sigma."""
        return self.forward_and_log_det(x, condition)[0], contributions - self._moments(condition)[1]

    def _moments(self, condition):
        if condition is None:
            raise ValueError(f'`condition` must be given: [batch, {self.kernel.shape[0]}]; got None.')
        return [tf.reshape(part, [-1, *self._shape]) for part in tf.split(tf.matmul(condition, self.kernel) + self.bias, 2, axis=-1)]


class ConditionalBase(Chain):
    """A flow without a condition, then a `ConditionalAffine`: the density p(x|z) = N(f(x); mu(z), sigma(z)) |det df/dx|.

    Args:
        image_shape: (height, width, channels) of x.
        condition_dim: size of z.
        flow: makes the flow, called with (image_shape, condition_dim=0, seed, dtype); it keeps x's shape.
        seed: seed of the initial weights.
        dtype: floating type.

    Attributes:
        levels: those of the flow.
    """

    def __init__(self, image_shape, condition_dim, flow, seed=0, dtype=tf.float32, name='conditional_base'):
        if condition_dim == 0:
            raise ValueError('`condition_dim` must be positive: a conditional base needs a model with z; got 0.')
        inner = flow(image_shape=image_shape, condition_dim=0, seed=seed, dtype=dtype)
        super().__init__([inner, ConditionalAffine(image_shape, condition_dim, dtype=dtype)], name=name)
        self.levels = inner.levels
        self.normalizes_over_batch = inner.normalizes_over_batch
