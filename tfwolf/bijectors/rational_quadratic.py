"""The element-wise rational-quadratic spline of neural spline flows."""

from __future__ import annotations

import math

import tensorflow as tf

from tfwolf.core import validate
from tfwolf.core.parts import register

# No bin is narrower than this share of the interval, and no slope at a knot is smaller than this.
MIN_SHARE, MIN_SLOPE = 1e-3, 1e-3


@register
class RationalQuadratic:
    """A monotone spline of x in [-bound, bound], the identity outside.

    Between the knots (x_k, y_k) and (x_k+1, y_k+1) with slopes d_k and d_k+1 at them, with the mean
    slope s = (y_k+1 - y_k) / (x_k+1 - x_k) and t = (x - x_k) / (x_k+1 - x_k) in [0, 1],

        y = y_k + (y_k+1 - y_k) (s t^2 + d_k t (1 - t)) / q,
        dy/dx = s^2 (d_k+1 t^2 + 2 s t (1 - t) + d_k (1 - t)^2) / q^2,
        q = s + (d_k+1 + d_k - 2 s) t (1 - t).

    The slopes at the ends are 1. Unlike an affine map, one such map turns one mode into several,
    and follows edges of a density. The network's output is, for each channel, `num_bins` logits of
    the widths, as many of the heights, and `num_bins - 1` slopes before their softplus. Zeros are
    the identity.

    Args:
        num_bins: K, number of bins, at least 2.
        bound: end of the interval, above 0.

    Raises:
        ValueError: if an argument is out of range.

    Reference: Durkan et al., "Neural Spline Flows", 2019, arXiv:1906.04032, section 3.1; the
        inverse solves the quadratic equation of its appendix A.
    """

    starts_as_identity: bool = True

    def __init__(self, num_bins: int = 8, bound: float = 3.0) -> None:
        self.num_bins = validate.integer('num_bins', num_bins, minimum=2)
        if num_bins * MIN_SHARE >= 1:
            raise ValueError(
                f'`num_bins` must be below {1 / MIN_SHARE:.0f}; got num_bins={num_bins!r}.'
            )
        self.bound = validate.real('bound', bound, above=0)
        self.outputs_per_channel: int = 3 * num_bins - 1

    def forward(self, x: tf.Tensor, parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return y and the log-scales log|dy/dx|, both of x's shape.

        Args:
            x: `[..., channels]`.
            parameters: `[..., (3 num_bins - 1) channels]`.
        """
        inside = tf.abs(x) < self.bound
        # A number within the interval, so that no gradient outside is NaN.
        safe = tf.where(inside, x, tf.zeros_like(x))
        left, width, bottom, height, slope, next_slope = self._bins(safe, parameters, of_x=True)
        mean = height / width
        t = tf.clip_by_value((safe - left) / width, 0.0, 1.0)
        y = bottom + height * (mean * t**2 + slope * t * (1 - t)) / _q(t, mean, slope, next_slope)
        log_scale = _log_scale(t, mean, slope, next_slope)
        return tf.where(inside, y, x), tf.where(inside, log_scale, tf.zeros_like(x))

    def inverse(self, y: tf.Tensor, parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return x and the log-scales log|dy/dx| of the forward direction, both of y's shape."""
        inside = tf.abs(y) < self.bound
        safe = tf.where(inside, y, tf.zeros_like(y))
        left, width, bottom, height, slope, next_slope = self._bins(safe, parameters, of_x=False)
        mean = height / width
        above = safe - bottom
        curve = above * (next_slope + slope - 2 * mean)
        a = height * (mean - slope) + curve
        b = height * slope - curve
        c = -mean * above
        root = tf.sqrt(tf.maximum(b**2 - 4 * a * c, 0.0))
        t = tf.clip_by_value(2 * c / (-b - root), 0.0, 1.0)
        log_scale = _log_scale(t, mean, slope, next_slope)
        x = left + t * width
        return tf.where(inside, x, y), tf.where(inside, log_scale, tf.zeros_like(y))

    def _bins(self, values: tf.Tensor, parameters: tf.Tensor, of_x: bool) -> list[tf.Tensor]:
        """Return (x_k, width, y_k, height, d_k, d_k+1) of the bin of each value.

        Args:
            values: `[..., channels]`, within the interval.
            parameters: as in `forward`.
            of_x: whether the values are x; else they are y.
        """
        bins = self.num_bins
        shape = tf.concat([tf.shape(values), [self.outputs_per_channel]], axis=0)
        parameters = tf.reshape(parameters, shape)
        parameters = tf.ensure_shape(parameters, [*values.shape, self.outputs_per_channel])
        widths, heights, slopes = tf.split(parameters, [bins, bins, bins - 1], axis=-1)
        lefts, widths = self._knots(widths)
        bottoms, heights = self._knots(heights)
        # softplus(0 + shift) + MIN_SLOPE = 1.
        slopes = MIN_SLOPE + tf.math.softplus(slopes + math.log(math.expm1(1 - MIN_SLOPE)))
        # Of the first and last knot.
        ends = tf.ones_like(slopes[..., :1])  # pyright: ignore[reportArgumentType]
        firsts = tf.concat([ends, slopes], axis=-1)
        lasts = tf.concat([slopes, ends], axis=-1)
        edges = lefts if of_x else bottoms
        # The number of inner knots at or below the value; the bin is chosen by a product, which XLA
        # and gradients handle faster than a gather.
        inner = edges[..., 1:]  # pyright: ignore[reportArgumentType]
        index = tf.reduce_sum(tf.cast(values[..., tf.newaxis] >= inner, tf.int32), axis=-1)  # pyright: ignore[reportArgumentType]
        chosen = tf.one_hot(index, bins, dtype=values.dtype)
        return [
            tf.reduce_sum(part * chosen, axis=-1)
            for part in (lefts, widths, bottoms, heights, firsts, lasts)
        ]

    def _knots(self, logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the start and the size of each bin, both of the shape of the logits `[..., K]`."""
        shares = MIN_SHARE + (1 - self.num_bins * MIN_SHARE) * tf.nn.softmax(logits, axis=-1)
        starts = tf.cumsum(shares, axis=-1, exclusive=True)
        return 2 * self.bound * starts - self.bound, 2 * self.bound * shares


def _q(t: tf.Tensor, mean: tf.Tensor, slope: tf.Tensor, next_slope: tf.Tensor) -> tf.Tensor:
    return mean + (next_slope + slope - 2 * mean) * t * (1 - t)


def _log_scale(t: tf.Tensor, mean: tf.Tensor, slope: tf.Tensor, next_slope: tf.Tensor) -> tf.Tensor:
    top = next_slope * t**2 + 2 * mean * t * (1 - t) + slope * (1 - t) ** 2
    q = _q(t, mean, slope, next_slope)
    return 2 * (tf.math.log(mean) - tf.math.log(q)) + tf.math.log(top)
