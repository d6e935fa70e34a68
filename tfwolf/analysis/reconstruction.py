"""Images decoded from their own v, with the mean of q(z|x) (exact) and with other draws of z."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tfwolf.analysis.coder import Coder
from tfwolf.core import validate
from tfwolf.data import preprocess
from tfwolf.models.generation import Array, posterior_draw


class Reconstructions(NamedTuple):
    """Reconstructed images.

    Attributes:
        exact: uint8 `[num_images, height, width, channels]`, decoded with the z of the encoding.
        draws: uint8 `[num_images, num_draws, height, width, channels]`, decoded with draws
            z ~ q(z|x) and the same v.
        finite: bool `[num_images, num_draws]`, as in `Decoded`.
        num_exact: number of images that `exact` reproduces at the model's number of bits.
        max_pixel_error: largest error of `exact`, in 0..255.
    """

    exact: np.ndarray
    draws: np.ndarray
    finite: np.ndarray
    num_exact: int
    max_pixel_error: int


def reconstruct(
    coder: Coder, images: Array, num_draws: int, seed: int, labels: Array | None = None
) -> Reconstructions:
    """Return the `Reconstructions` of images.

    Args:
        coder: a `Coder`.
        images: uint8 `[num_images, height, width, channels]`.
        num_draws: draws of z for each image; must be 0 for a model without an encoder.
        seed: integer; draw d is that of `Wolf.reconstruct` with the seed `seed + d`.
        labels: integers `[num_images]`; only used by a model whose z comes from labels.

    Raises:
        ValueError: if draws are requested of a model without an encoder, or the images do not fit.
    """
    model = coder.model
    validate.integer('num_draws', num_draws, minimum=0)
    if num_draws and not model.latent.has_posterior:
        raise ValueError(
            '`num_draws` must be 0 for a model whose z has no posterior to draw from; got '
            f'num_draws={num_draws}.'
        )
    code = coder.encode(images, labels)
    exact = coder.decode(**code._asdict())
    error = np.abs(
        exact.images.astype(int) - preprocess.at_num_bits(images, model.color_bits).numpy()
    )
    draws = np.empty((len(images), 0, *model.image_shape), np.uint8)
    finite = np.empty((len(images), 0), bool)
    if num_draws:
        posterior = model.posterior(images)
        decoded = [
            coder.decode(
                **code._replace(z=posterior_draw(posterior, seed + draw).numpy())._asdict()
            )
            for draw in range(num_draws)
        ]
        draws, finite = (np.stack(parts, axis=1) for parts in zip(*decoded))
    return Reconstructions(
        exact.images,
        draws,
        finite,
        int((error.reshape(len(error), -1).max(axis=1) == 0).sum()),
        int(error.max()),
    )
