"""Images c on which a density p(x|c) is conditioned: x at a low resolution, or without colors."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfwolf.core import validate
from tfwolf.core.parts import register
from tfwolf.data import preprocess

Array = preprocess.Tensor
# Rec. 601, in units of 2^-16, as Pillow converts RGB to grey.
LUMA, LUMA_BITS = (19595, 38470, 7471), 16


class ImageCondition:
    """An image c that is a function of x, on which a flow is conditioned.

    Training, evaluation and encoding compute c from x by `reduce`. Samples are drawn for a given c.
    A subclass is constructed with (image_shape) and its own arguments. It has no weights.

    Attributes:
        image_shape: (height, width, channels) of x.
        reduced_shape: (height, width, channels) of c.
        channels: channels of the result of `embed`.
    """

    image_shape: tuple[int, int, int]
    reduced_shape: tuple[int, int, int]
    channels: int

    @property
    def description(self) -> str:
        """The condition as results name it, such as 'LowResolution(factor=4)'."""
        return f'{type(self).__name__}()'

    def reduce(self, images: Array) -> tf.Tensor:
        """Return c, uint8 `[batch, *reduced_shape]`.

        Args:
            images: x, uint8 `[batch, *image_shape]`.

        Raises:
            ValueError: if the images have another shape or dtype.
        """
        raise NotImplementedError

    def embed(self, reduced: Array, dtype: tf.DType) -> tf.Tensor:
        """Return the input of the flow's networks in [-1, 1], `[batch, height, width, channels]`.

        Height and width are those of x.

        Args:
            reduced: c, uint8 `[batch, *reduced_shape]`.
            dtype: floating type of the result.

        Raises:
            ValueError: if c has another shape or dtype.
        """
        raise NotImplementedError

    def checked(self, reduced: Array) -> tf.Tensor:
        """Return c as a tensor, uint8 `[batch, *reduced_shape]`.

        Raises:
            ValueError: if it has another shape or dtype.
        """
        tensor = tf.convert_to_tensor(reduced)
        if tensor.dtype != tf.uint8 or tuple(tensor.shape[1:]) != self.reduced_shape:
            raise ValueError(
                f'`condition` must be uint8 [batch, {", ".join(map(str, self.reduced_shape))}] for '
                f'{self.description}; got {tensor.dtype.name} {tuple(tensor.shape)}.'
            )
        return tensor


@register
class LowResolution(ImageCondition):
    """c is x at a lower resolution: p(x|c) is super-resolution.

    A pixel of c is the mean of `factor` x `factor` pixels of x, rounded to an integer; halves are
    rounded up. It is enlarged bilinearly: on CIFAR-10 with factor 4, the mean squared error of this
    as a prediction of x is 644, that of repeated pixels 733.

    Args:
        image_shape: (height, width, channels) of x.
        factor: how many times smaller c is in height and width, at least 2.

    Raises:
        ValueError: if the factor is not such an integer, or does not divide height and width.

    >>> condition = tfwolf.LowResolution([8, 8, 3], factor=4)
    >>> reduced = condition.reduce(np.full([2, 8, 8, 3], 200, np.uint8))
    >>> reduced.shape, int(reduced[0, 0, 0, 0])
    (TensorShape([2, 2, 2, 3]), 200)
    >>> condition.embed(reduced, tf.float32).shape
    TensorShape([2, 8, 8, 3])
    """

    def __init__(self, image_shape: Sequence[int], factor: int = 4) -> None:
        height, width, channels = image_shape
        self.factor: int = validate.integer('factor', factor, minimum=2)
        if height % factor or width % factor:
            raise ValueError(
                f'`factor` must divide height and width of the images, {height}x{width}; got '
                f'factor={factor}.'
            )
        self.image_shape = (height, width, channels)
        self.reduced_shape = (height // factor, width // factor, channels)
        self.channels = channels

    @property
    def description(self) -> str:
        """The condition as results name it."""
        return f'LowResolution(factor={self.factor})'

    def reduce(self, images: Array) -> tf.Tensor:
        """Return c; see `ImageCondition.reduce`."""
        images = preprocess.checked_images(images, self.image_shape)
        height, width, channels = self.reduced_shape
        blocks = tf.reshape(
            tf.cast(images, tf.int32), [-1, height, self.factor, width, self.factor, channels]
        )
        area = self.factor**2
        return tf.cast((tf.reduce_sum(blocks, axis=[2, 4]) + area // 2) // area, tf.uint8)

    def embed(self, reduced: Array, dtype: tf.DType) -> tf.Tensor:
        """Return c enlarged bilinearly to the size of x; see `ImageCondition.embed`."""
        x = preprocess.to_unit_range(self.checked(reduced), 8, 0.5, dtype)
        # The result is float32 whatever the type of x.
        return tf.cast(tf.image.resize(x, self.image_shape[:2], 'bilinear'), dtype)


@register
class Grey(ImageCondition):
    """c is x without colors: p(x|c) is colorization.

    c is the luma of Rec. 601, 0.299 R + 0.587 G + 0.114 B, as `convert('L')` of Pillow computes it.

    Args:
        image_shape: (height, width, 3) of x.

    Raises:
        ValueError: if the images do not have 3 channels.

    >>> tfwolf.Grey([8, 8, 3]).reduce(np.zeros([2, 8, 8, 3], np.uint8)).shape
    TensorShape([2, 8, 8, 1])
    """

    def __init__(self, image_shape: Sequence[int]) -> None:
        height, width, channels = image_shape
        if channels != len(LUMA):
            raise ValueError(
                f'`image_shape` must have {len(LUMA)} channels, red, green and blue, for Grey; got '
                f'image_shape={tuple(image_shape)}.'
            )
        self.image_shape = (height, width, channels)
        self.reduced_shape = (height, width, 1)
        self.channels = 1

    def reduce(self, images: Array) -> tf.Tensor:
        """Return c; see `ImageCondition.reduce`."""
        images = preprocess.checked_images(images, self.image_shape)
        luma = tf.reduce_sum(tf.cast(images, tf.int32) * LUMA, axis=-1, keepdims=True)
        half = 2 ** (LUMA_BITS - 1)
        return tf.cast(tf.bitwise.right_shift(luma + half, LUMA_BITS), tf.uint8)

    def embed(self, reduced: Array, dtype: tf.DType) -> tf.Tensor:
        """Return c as numbers in [-1, 1]; see `ImageCondition.embed`."""
        return preprocess.to_unit_range(self.checked(reduced), 8, 0.5, dtype)
