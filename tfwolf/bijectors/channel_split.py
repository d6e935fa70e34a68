"""The split of channels into a conditioning and a transformed part (Wolf, appendix B)."""

from __future__ import annotations

import tensorflow as tf

from tfwolf.core import validate


class ChannelSplit:
    """Splits `[..., channels]` into a conditioning part and a transformed part.

    The transformed part has t = `channels // factor` channels.

    - Continuous, up: the first `channels - t` channels condition, the last t are transformed.
    - Continuous, down: the first t channels are transformed, the others condition.
    - Alternate ("skip"), up: channels of even index condition, those of odd index are transformed;
      down: the reverse. An odd number of channels is split continuously.

    Args:
        channels: number of channels, at least `factor`.
        factor: M, at least 2; must be 2 for an alternate split.
        alternate: whether to split by even and odd index.
        up: the direction.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self, channels: int, factor: int = 2, alternate: bool = False, up: bool = True
    ) -> None:
        validate.integer('factor', factor, minimum=2)
        if validate.integer('channels', channels, minimum=1) < factor:
            raise ValueError(
                f'`channels` must be at least factor={factor} for a channel split; got '
                f'channels={channels}. An image with one channel needs a squeeze before the first '
                'step: set num_steps[0] = 0.'
            )
        if alternate and factor != 2:
            raise ValueError(f'`factor` must be 2 for an alternate split; got factor={factor}.')
        self.alternate = alternate and channels % 2 == 0
        self.up = up
        self.channels = channels
        self.transformed_channels = channels // factor
        self.conditioning_channels = channels - channels // factor

    def split(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the conditioning part and the transformed part of x, `[..., channels]`."""
        if self.alternate:
            # TensorFlow's stubs do not allow an ellipsis in an index.
            first = x[..., 0::2]  # pyright: ignore[reportArgumentType]
            second = x[..., 1::2]  # pyright: ignore[reportArgumentType]
        else:
            cut = self.conditioning_channels if self.up else self.transformed_channels
            first, second = tf.split(x, [cut, self.channels - cut], axis=-1)
        return (first, second) if self.up else (second, first)

    def merge(self, conditioning: tf.Tensor, transformed: tf.Tensor) -> tf.Tensor:
        """Return `[..., channels]` from its two parts; the inverse of `split`."""
        parts = [conditioning, transformed] if self.up else [transformed, conditioning]
        if not self.alternate:
            return tf.concat(parts, axis=-1)
        merged = tf.reshape(
            tf.stack(parts, axis=-1), [-1, *conditioning.shape[1:-1], self.channels]
        )
        return tf.ensure_shape(merged, conditioning.shape[:-1].concatenate(self.channels))

    def only_transformed(self, values: tf.Tensor) -> tf.Tensor:
        """Return `values` unchanged: all of them belong to the transformed part."""
        return values
