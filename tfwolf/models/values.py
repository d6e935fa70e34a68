"""What the numbers of an image are: color values in bins, or continuous values in a unit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tfwolf.core.parts import name_of
from tfwolf.core.variables import CompleteVariables
from tfwolf.data import preprocess
from tfwolf.distributions.bits import dequantization_nats
from tfwolf.distributions.unit import BITS_PER_DIM, NATS_PER_DIM, Unit
from tfwolf.models.dequantizer import UniformDequantizer
from tfwolf.models.latent import Array


class ColorValues:
    """Integers in bins: the flow sees x = (bin + u) / 2^n * 2 - 1 with noise u in [0, 1).

    The model is a probability of images, measured in bits per dimension.

    Args:
        num_bits: n, bits per color value, 1 to 16. Images are uint8 up to 8, uint16 above.

    Attributes:
        image_type: dtype of images.
        unit: the `Unit` of the likelihood.
    """

    is_continuous: bool = False
    unit: Unit = BITS_PER_DIM

    def __init__(self, num_bits: int) -> None:
        self._num_bits = num_bits
        self.image_type: tf.DType = preprocess.image_type(num_bits)

    def to_x(self, images: Array, noise: float | tf.Tensor, dtype: tf.DType) -> tf.Tensor:
        """Return the flow's x of images, of their shape; see `preprocess.to_unit_range`."""
        return preprocess.to_unit_range(images, self._num_bits, noise, dtype)

    def to_images(self, x: tf.Tensor) -> tf.Tensor:
        """Return the images of x, of its shape; see `preprocess.to_images`."""
        return preprocess.to_images(x, self._num_bits)

    def log_det_nats(self, num_dims: int) -> None:
        """Return None: the width of the bins is `dequantization_nats`."""

    def dequantization_nats(self, num_dims: int) -> float:
        """Return D log(2^n / 2) in nats for D = `num_dims`."""
        return dequantization_nats(num_dims, self._num_bits)


class ContinuousValues(CompleteVariables, tf.Module):
    """Real numbers: the flow sees x = (value - shift) / scale with a shift and scale per channel.

    Shift and scale are the mean and the standard deviation of the training split, and are stored
    with the weights. The model is a density of the values in their own unit, measured in nats:
    log p(value) = log p(x) - sum of log scale over the dimensions. There is no noise and no bin.

    Args:
        channels: number of channels.
        dtype: floating type of the model.

    Attributes:
        shift, scale: float64 `[channels]`, not trained.
    """

    is_continuous: bool = True
    unit: Unit = NATS_PER_DIM
    image_type: tf.DType = tf.float32

    def __init__(self, channels: int, dtype: tf.DType) -> None:
        super().__init__(name='continuous_values')
        # In float64: a value may be far from 0 in units of its scale.
        self.shift = tf.Variable(tf.zeros([channels], tf.float64), trainable=False, name='shift')
        self.scale = tf.Variable(tf.ones([channels], tf.float64), trainable=False, name='scale')
        self.fitted = tf.Variable(tf.constant(False), trainable=False, name='fitted')
        self._dtype = dtype

    def fit(self, mean: Sequence[float] | np.ndarray, std: Sequence[float] | np.ndarray) -> None:
        """Set shift and scale.

        Args:
            mean, std: of the values of each channel, `[channels]`.

        Raises:
            ValueError: if a value is not finite, or a channel is constant.
        """
        mean, std = np.asarray(mean, np.float64), np.asarray(std, np.float64)
        bad = np.flatnonzero(~(np.isfinite(mean) & np.isfinite(std) & (std > 0)))
        if bad.size:
            first = int(bad[0])
            raise ValueError(
                f'Every channel must vary over the training split, with finite values: channel '
                f'{first} (from 0) has mean {mean[first]:g} and standard deviation {std[first]:g}. '
                'A constant has no density; leave it out.'
            )
        self.shift.assign(mean)
        self.scale.assign(std)
        self.fitted.assign(True)

    def to_x(self, images: Array, noise: float | tf.Tensor, dtype: tf.DType) -> tf.Tensor:
        """Return (images - shift) / scale; `noise` is not used."""
        return tf.cast((tf.cast(images, tf.float64) - self.shift) / self.scale, dtype)

    def to_images(self, x: tf.Tensor) -> tf.Tensor:
        """Return x scale + shift, float32, of x's shape."""
        return tf.cast(tf.cast(x, tf.float64) * self.scale + self.shift, self.image_type)

    def log_det_nats(self, num_dims: int) -> tf.Tensor:
        """Return log|det dx/d value| of an image of `num_dims` dimensions, a scalar in nats."""
        log_scale = tf.reduce_mean(tf.math.log(self.scale))
        return tf.cast(-num_dims * log_scale, self._dtype)

    def dequantization_nats(self, num_dims: int) -> float:
        """Return 0: there are no bins."""
        return 0.0


Values = ColorValues | ContinuousValues


def check_parts(num_bits: int | None, dequantizer: Callable, condition: Callable | None) -> None:
    """Check that a model has no part that its values do not allow.

    Args:
        num_bits, dequantizer, condition: the arguments of `Wolf`.

    Raises:
        ValueError: if it has one.
    """
    if num_bits is None and name_of(dequantizer) != UniformDequantizer.__name__:
        raise ValueError(
            '`dequantizer` must not be set for a model of continuous values (num_bits=None), which '
            f'have no bins; got {name_of(dequantizer)}.'
        )
    if condition is not None and (num_bits is None or num_bits > 8):
        raise ValueError(
            '`condition` must be None for a model of more than 8 bits or of continuous values: '
            f'conditions are images of 8 bits; got {name_of(condition)} with num_bits={num_bits}.'
        )
