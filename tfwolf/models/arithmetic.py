"""The arithmetic of a model's networks, which results name."""

from __future__ import annotations

import tensorflow as tf

from tfwolf.bijectors.composite import leaves
from tfwolf.core.tensor_float_32 import TF32, tensor_float_32_is_on
from tfwolf.core.variables import as_tensorflow, trainable_variables, walk
from tfwolf.models.wolf import Wolf


def arithmetic(model: Wolf, tf32: bool = False) -> str:
    """Return the least exact arithmetic of a model's networks: 'float32', 'tf32', 'bfloat16' ...

    Args:
        model: the `Wolf`.
        tf32: whether float32 products may be rounded to TF32; TensorFlow's switch for the process
            counts, too.
    """
    weights = {as_tensorflow(variable).dtype for variable in trainable_variables(model)}
    encoders = (model.latent, model.dequantizer)
    networks = [node for part in encoders for _, node in walk(part)] + [
        getattr(leaf, 'net', None) for flow in model.trained_flows for leaf in leaves(flow)
    ]
    found = {
        value
        for network in networks
        # Keras has its own `compute_dtype`, which is a text.
        for value in (getattr(network, name, None) for name in ('compute_dtype', 'compute_type'))
        if isinstance(value, tf.DType)
    }
    least = min(found | weights, key=lambda dtype: dtype.size, default=tf.float32)
    rounded = least == tf.float32 and (tf32 or tensor_float_32_is_on())
    return TF32 if rounded else least.name
