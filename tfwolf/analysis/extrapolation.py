"""Samples larger than the images that a model was trained on, where its flow has no size of its own
(Real NVP, appendix C).
"""

from __future__ import annotations

import numpy as np

from tfwolf.analysis.coder import Decoded
from tfwolf.bijectors.base import FlowBijector
from tfwolf.core import validate
from tfwolf.core.image_noise import image_seeds
from tfwolf.core.variables import named_variables
from tfwolf.data import preprocess
from tfwolf.models.generation import sample_code
from tfwolf.models.wolf import Wolf


def enlarged_flow(model: Wolf, scale: int) -> FlowBijector:
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
    for (name, variable), (_, own) in zip(
        named_variables(flow), named_variables(model.flow), strict=True
    ):
        if variable.shape != own.shape:
            raise ValueError(
                f'The flow cannot make larger images: {"/".join(map(str, name))} belongs to '
                'images of one size '
                f'({tuple(own.shape)}, and {tuple(variable.shape)} for the larger ones).'
            )
        variable.assign(own)
    return flow


def larger_samples(
    model: Wolf,
    scale: int,
    num_samples: int,
    seed: int,
    temperature_v: float = 1.0,
    temperature_z: float = 1.0,
) -> Decoded:
    """Returns `Decoded` samples `scale` times as high and wide as the model's images, one made
    after the other.

    z is that of the samples of `Wolf.sample`. At scale 1 so is v, and they are these samples, but
    for rounding.

    Args:
        model: a `Wolf`.
        scale: integer of at least 1.
        num_samples: how many.
        seed: integer.
        temperature_v, temperature_z: factors on the noise, at least 0.

    Raises:
        ValueError: if an argument breaks its rule, or the flow has a size of its own.

    Reference: Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", 2017,
        arXiv:1605.08803, appendix C.
    """
    height, width, channels = model.image_shape
    flow = enlarged_flow(model, scale)
    validate.integer('num_samples', num_samples, minimum=1)
    images, finite = [], []
    for pair in image_seeds(seed, num_samples)[:, None]:
        z, v = sample_code(
            model.latent,
            (scale * height, scale * width, channels),
            model.dtype,
            pair,
            temperature_v,
            temperature_z,
        )
        x = flow.inverse_and_log_det(v, z)[0]
        images.append(preprocess.to_images(x, model.num_bits).numpy())
        finite.append(bool(np.isfinite(x.numpy()).all()))
    return Decoded(np.concatenate(images), np.array(finite))
