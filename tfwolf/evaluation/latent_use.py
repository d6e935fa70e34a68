"""How much each dimension of z holds: its KL, and the variance of the posterior mean."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfwolf.core import validate
from tfwolf.models.generation import Array
from tfwolf.models.wolf import Wolf


class LatentUse(NamedTuple):
    """Of each dimension of z, over images.

    Attributes:
        kl_nats: mean of KL(q(z|x) || N(0, 1)), `[latent_dim]`, in nats. It is the KL of the bound
            if the prior is N(0, 1); that of a flow prior is not a sum over dimensions.
        mean_variances: variance of the mean of q(z|x), `[latent_dim]`.
    """

    kl_nats: np.ndarray
    mean_variances: np.ndarray


def latent_use(model: Wolf, images: Array, batch_size: int) -> LatentUse:
    """Return the `LatentUse` of a model's z.

    Args:
        model: a `Wolf` with an encoder.
        images: uint8 `[num_images, height, width, channels]`, at least two.
        batch_size: images that are encoded at once, at least 1.

    Raises:
        ValueError: if the model has no encoder, or an argument is invalid.
    """
    count = len(images)
    if count < 2:
        raise ValueError(f'`images` must have at least two images; got {count}.')
    validate.integer('batch_size', batch_size, minimum=1)
    kl, means = [], []
    for first in range(0, count, batch_size):
        posterior = model.posterior(tf.constant(np.asarray(images)[first : first + batch_size]))
        kl.append(posterior.kl_to_standard_normal_nats().numpy().astype(np.float64))
        means.append(posterior.mean.numpy().astype(np.float64))
    return LatentUse(np.concatenate(kl).mean(axis=0), np.concatenate(means).var(axis=0, ddof=1))
