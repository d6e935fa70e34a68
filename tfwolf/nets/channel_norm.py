"""A scale and a shift per channel that start by standardising real data (Glow, section 3.1)."""
import tensorflow as tf


def standardizing(x, dtype):
    """Returns (log_scale, bias), `[channels]` each, for which x exp(log_scale) + bias has mean 0 and variance 1 per channel.

    Args:
        x: `[batch, ..., channels]`. A channel that is constant in x keeps the scale 1.
        dtype: floating type of the result.
    """
    # Moments in float64: a batch of thousands of images has more values than float32 can add up.
    mean, variance = tf.nn.moments(tf.cast(x, tf.float64), axes=list(range(x.shape.rank - 1)))
    log_scale = tf.where(variance > 0, -0.5 * tf.math.log(variance), tf.zeros_like(variance))
    return tf.cast(log_scale, dtype), tf.cast(-mean * tf.exp(log_scale), dtype)
