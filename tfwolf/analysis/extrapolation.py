"""Samples larger than the training images, for flows of any size (Real NVP, appendix C)."""

from __future__ import annotations

import numpy as np

from tfwolf.analysis.coder import Decoded, decode_and_check
from tfwolf.bijectors.base import FlowBijector
from tfwolf.core import validate
from tfwolf.core.image_noise import image_seeds
from tfwolf.core.variables import named_variables
from tfwolf.models.generation import sample_code
from tfwolf.models.wolf import Wolf


def enlarged_flow(model: Wolf, scale: int) -> FlowBijector:
    """Return the flow of a model for images `scale` times as high and wide, with the same weights.

    Args:
        model: a `Wolf`.
        scale: integer of at least 1.

    Raises:
        ValueError: if the shape of a weight depends on the size of the images; it is named.
    """
    height, width, channels = model.image_shape
    validate.integer('scale', scale, minimum=1)
    flow = model.flow_for((scale * height, scale * width, channels))
    for (name, variable), (_, own) in zip(
        named_variables(flow), named_variables(model.flow), strict=True
    ):
        if variable.shape != own.shape:
            raise ValueError(
                f'The flow cannot make larger images: {"/".join(map(str, name))} belongs to images '
                f'of one size ({tuple(own.shape)}, and {tuple(variable.shape)} for larger images).'
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
    """Return `Decoded` samples `scale` times as high and wide as the images of the model.

    z is that of the samples of `Wolf.sample`. At scale 1 v is too, and the samples are the same up
    to rounding. They are computed one by one, to save memory.

    Args:
        model: a `Wolf`.
        scale: integer of at least 1.
        num_samples: number of samples, at least 1.
        seed: integer.
        temperature_v: factor on the noise of v, at least 0.
        temperature_z: factor on the noise of z, at least 0.

    Raises:
        ValueError: if an argument is invalid, the flow works for one size of images only, or the
            model has a condition.

    Reference: Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", 2017,
        arXiv:1605.08803, appendix C.
    """
    model.check_unconditional('A sample of another size')
    height, width, channels = model.image_shape
    flow = enlarged_flow(model, scale)
    validate.integer('num_samples', num_samples, minimum=1)
    samples = []
    for pair in image_seeds(seed, num_samples)[:, None]:
        z, v = sample_code(
            model.latent,
            (scale * height, scale * width, channels),
            model.dtype,
            pair,
            temperature_v,
            temperature_z,
        )
        decoded = decode_and_check(flow, model.flow_condition(z, None), v, model.values)
        samples.append([part.numpy() for part in decoded])
    images, finite = (np.concatenate(parts) for parts in zip(*samples))
    return Decoded(images, finite)
