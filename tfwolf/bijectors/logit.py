"""From pixels in an interval to the whole line (Real NVP, section 4.1)."""
import math

import tensorflow as tf

from tfwolf import validate
from tfwolf.bijectors.base import FlowBijector, sum_over_event


class Logit(FlowBijector):
    """y = logit(p) with p = alpha + (1 - 2 alpha) (x + 1) / 2, for x in [-1, 1], element by element.

    log|dy/dx| = log((1 - 2 alpha) / 2) - log p - log(1 - p). The paper prints alpha + (1 - alpha) x, which is infinite at white. The
    log-determinant is that of the pixels in [-1, 1], so bits per dimension are comparable with those of any other flow here.

    Args:
        alpha: 0 < alpha < 1/2, how far p stays away from 0 and 1.
        dtype: floating type.
    """

    def __init__(self, alpha=0.05, dtype=tf.float32, name='logit'):
        super().__init__(event_ndims=3, dtype=dtype, name=name)
        self.alpha = validate.real('alpha', alpha, above=0, below=0.5)

    def forward_and_log_det(self, x, condition=None):
        """Returns y and the sum of log|dy/dx|, `[batch]` in nats."""
        y, log_slope = self._forward_and_log_slope(x)
        return y, sum_over_event(log_slope)

    def inverse_and_log_det(self, y, condition=None):
        """Returns x, and the negative sum of log|dy/dx|."""
        x = 2.0 * (tf.sigmoid(y) - self.alpha) / (1.0 - 2.0 * self.alpha) - 1.0
        # log p + log(1 - p) from y itself: beyond [-1, 1] as exact as within.
        log_slope = self._constant() + tf.math.softplus(y) + tf.math.softplus(-y)
        return x, -sum_over_event(log_slope)

    def forward_with_contributions(self, x, contributions, condition=None):
        """As `FlowBijector.forward_with_contributions`: each element contributes its own log|dy/dx|."""
        y, log_slope = self._forward_and_log_slope(x)
        return y, contributions + log_slope

    def _forward_and_log_slope(self, x):
        p = self.alpha + (1.0 - 2.0 * self.alpha) * 0.5 * (x + 1.0)
        log_p, log_q = tf.math.log(p), tf.math.log1p(-p)
        return log_p - log_q, self._constant() - log_p - log_q

    def _constant(self):
        return math.log(0.5 - self.alpha)
