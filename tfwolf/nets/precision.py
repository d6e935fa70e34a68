"""The floating type that a network computes in, where it is another than that of its weights and its result."""
import tensorflow as tf

ALLOWED = ('bfloat16', 'float32', 'float64')


def compute_type(compute_dtype, dtype):
    """Returns `compute_dtype` as a `tf.DType`, or `dtype` where it is None.

    Raises:
        ValueError: if it is none of `ALLOWED`; float16 has too small a range for activations.
    """
    if compute_dtype is None:
        return tf.as_dtype(dtype)
    try:
        found = tf.as_dtype(compute_dtype)
    except TypeError:
        found = None
    if found is None or found.name not in ALLOWED:
        raise ValueError(f'`compute_dtype` must be None or one of {", ".join(ALLOWED)}; got compute_dtype={compute_dtype!r}.')
    return found


def conv2d(x, kernel, compute, strides=1, padding='SAME'):
    """Returns the convolution of x `[batch, height, width, in]` with `kernel` `[size, size, in, out]`, computed and returned in `compute`."""
    return tf.nn.conv2d(tf.cast(x, compute), tf.cast(kernel, compute), strides, padding)
