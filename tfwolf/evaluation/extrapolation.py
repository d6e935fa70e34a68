"""Samples larger than the images that a model was trained on, where its flow has no size of its own (Real NVP, appendix C)."""
import numpy as np
import tensorflow as tf

from tfwolf import seeds, validate
from tfwolf.data import preprocess
from tfwolf.evaluation.coder import Decoded
from tfwolf.evaluation.sampling import draw_noise
from tfwolf.variables import named_variables


def enlarged_flow(model, scale):
    """Returns the flow of a model for images `scale` times as high and wide, with the same weights.

    Args:
        model: a `Wolf`.
        scale: integer of at least 1.

    Raises:
        ValueError: if a weight has a shape that depends on the size of images; it is named.
    """
    height, width, channels = model.image_shape
    validate.integer('scale', scale, minimum=1)
    flow = model.flow_for((scale * height, scale * width, channels))
    for (name, variable), (_, own) in zip(named_variables(flow), named_variables(model.flow), strict=True):
        if variable.shape != own.shape:
            raise ValueError(f'The flow cannot make larger images: {"/".join(map(str, name))} belongs to images of one size ({tuple(own.shape)}, and {tuple(variable.shape)} '
                             'for the larger ones).')
        variable.assign(own)
    return flow


def larger_samples(model, scale, num_samples, seed, temperature_v=1.0, temperature_z=1.0):
    """Returns `Decoded` samples `scale` times as high and wide as the model's images, one made after the other; z is drawn as always.

    At scale 1 they are the samples of `draw_samples`, but for rounding.

    Args:
        model: a `Wolf`.
        scale: integer of at least 1.
        num_samples: how many.
        seed: integer.
        temperature_v, temperature_z: factors on the noise, at least 0.

    Raises:
        ValueError: if an argument breaks its rule, or the flow has a size of its own.

    Reference: Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", 2017, arXiv:1605.08803, appendix C.
    """
    height, width, channels = model.image_shape
    flow = enlarged_flow(model, scale)
    validate.real('temperature_v', temperature_v, minimum=0)
    validate.real('temperature_z', temperature_z, minimum=0)
    noise = draw_noise(model, num_samples, seed)
    base = seeds.tensor_seed(seed, 'larger samples', scale)
    images, finite = [], []
    for number in range(num_samples):
        v = noise.v[number:number + 1]
        if scale > 1:
            v = seeds.normal([1, scale * height, scale * width, channels], seeds.fold_in(base, number), model.dtype)
        z = None if noise.z is None else model.latent.from_noise(tf.constant(noise.z[number:number + 1] * temperature_z, model.dtype))
        x = flow.inverse_and_log_det(v * tf.constant(temperature_v, model.dtype), z)[0]
        images.append(preprocess.to_images(x, model.num_bits).numpy())
        finite.append(bool(np.isfinite(x.numpy()).all()))
    return Decoded(np.concatenate(images), np.array(finite))
