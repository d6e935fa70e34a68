"""Element-wise maps of a coupling's transformed part, parametrised by the network's output."""

from __future__ import annotations

import math
from typing import Protocol

import tensorflow as tf

from tfwolf.core import validate
from tfwolf.core.parts import register


class Transform(Protocol):
    """An element-wise invertible map, parametrised by the output of a coupling's network.

    Attributes:
        outputs_per_channel: number of network outputs per transformed channel.
        starts_as_identity: whether y = x for parameters of zero.
    """

    outputs_per_channel: int
    starts_as_identity: bool

    def forward(self, x: tf.Tensor, parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return y and the log-scales log|dy/dx|, both of x's shape.

        Args:
            x: `[..., channels]`.
            parameters: `[..., outputs_per_channel * channels]`.
        """
        ...

    def inverse(self, y: tf.Tensor, parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return x and the log-scales log|dy/dx| of the forward direction, both of y's shape."""
        ...


@register
class ExpAffine:
    """y = x exp(u) + mu, with `[mu, u]` the network's output along channels.

    Nothing bounds the scale. A network without a bound of its own may let training diverge, which
    `BoundedAffine` prevents (Wolf, appendix B.2).
    """

    outputs_per_channel: int = 2
    starts_as_identity: bool = True

    def forward(self, x: tf.Tensor, parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return y and the log-scales log|dy/dx|, for parameters `[..., 2 channels]`."""
        shift, log_scale = self._shift_and_log_scale(parameters)
        return x * tf.exp(log_scale) + shift, log_scale

    def inverse(self, y: tf.Tensor, parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return x and the log-scales log|dy/dx| of the forward direction."""
        shift, log_scale = self._shift_and_log_scale(parameters)
        return (y - shift) * tf.exp(-log_scale), log_scale

    def _shift_and_log_scale(self, parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        shift, log_scale = tf.split(parameters, 2, axis=-1)
        return shift, log_scale


@register
class BoundedAffine(ExpAffine):
    """y = s x + mu with a bounded scale s = 1 + alpha tanh(u / 2) and its exact logarithm.

    With g = log((1 + alpha) / (1 - alpha)), log s = log(1 - alpha) + softplus(u + g) - softplus(u).
    For alpha = 1 this is log 2 - softplus(-u), which is finite where `log(1 + tanh(u / 2))` would
    be log(0). The network's output is `[mu, u]` along channels.

    Args:
        alpha: 0 < alpha <= 1, the maximum distance of the scale from 1.

    Raises:
        ValueError: if alpha is outside (0, 1].
    """

    def __init__(self, alpha: float) -> None:
        self.alpha = validate.real('alpha', alpha, above=0, maximum=1)

    def _shift_and_log_scale(self, parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        shift, u = tf.split(parameters, 2, axis=-1)
        if self.alpha == 1.0:
            return shift, math.log(2.0) - tf.math.softplus(-u)
        gap = math.log1p(self.alpha) - math.log1p(-self.alpha)
        return shift, math.log1p(-self.alpha) + tf.math.softplus(u + gap) - tf.math.softplus(u)


@register
class ShiftAndScale(BoundedAffine):
    """y = s (x + mu), with the bounded scale s of `BoundedAffine`; alpha = 1 gives 2 sigmoid(u).

    The network's output is `[mu, u]` along channels.

    Args:
        alpha: 0 < alpha <= 1, the maximum distance of the scale from 1.

    Raises:
        ValueError: if alpha is outside (0, 1].

    Reference: Kolesnikov, Pinto and Tschannen, "Jet: A Modern Transformer-Based Normalizing Flow",
        2024, arXiv:2412.15129, section 3.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__(alpha)

    def forward(self, x: tf.Tensor, parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return y and the log-scales log|dy/dx|, for parameters `[..., 2 channels]`."""
        shift, log_scale = self._shift_and_log_scale(parameters)
        return (x + shift) * tf.exp(log_scale), log_scale

    def inverse(self, y: tf.Tensor, parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return x and the log-scales log|dy/dx| of the forward direction."""
        shift, log_scale = self._shift_and_log_scale(parameters)
        return y * tf.exp(-log_scale) - shift, log_scale


@register
class Additive:
    """y = x + mu, with log-scale zero. The network's output is mu."""

    outputs_per_channel: int = 1
    starts_as_identity: bool = True

    def forward(self, x: tf.Tensor, parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return y and log-scales of zero, for parameters `[..., channels]`."""
        return x + parameters, tf.zeros_like(x)

    def inverse(self, y: tf.Tensor, parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return x and log-scales of zero."""
        return y - parameters, tf.zeros_like(y)


@register
class SigmoidAffine(ExpAffine):
    """y = s x + mu with s = sigmoid(u + 2), log s = -softplus(-u - 2): the coupling of Glow.

    The network's output is `[mu, u]` along channels.
    """

    starts_as_identity: bool = False

    def _shift_and_log_scale(self, parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        shift, u = tf.split(parameters, 2, axis=-1)
        return shift, -tf.math.softplus(-(u + 2.0))


class Whitening(ExpAffine):
    """y = (x - mean) exp(-log_sigma): if y ~ N(0, 1), then x ~ N(mean, sigma).

    The network's output is `[mean, log_sigma]` along channels.
    """

    def forward(self, x: tf.Tensor, parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return y and the log-scales log|dy/dx| = -log sigma."""
        x, log_sigma = super().inverse(x, parameters)
        return x, -log_sigma

    def inverse(self, y: tf.Tensor, parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return x and the log-scales -log sigma of the forward direction."""
        x, log_sigma = super().forward(y, parameters)
        return x, -log_sigma
