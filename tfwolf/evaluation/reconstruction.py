"""Images decoded from their own v: with the mean of q(z|x), which gives them back exactly, and with other draws of z."""
from typing import NamedTuple

import numpy as np

from tfwolf import seeds, validate
from tfwolf.data import preprocess


class Reconstructions(NamedTuple):
    """What images become.

    Attributes:
        exact: uint8 `[num_images, height, width, channels]`, decoded with the z that they were encoded with.
        draws: uint8 `[num_images, num_draws, height, width, channels]`, decoded with draws z ~ q(z|x) and the same v.
        finite: bool `[num_images, num_draws]`, as in `Decoded`.
        num_exact: of how many images `exact` is the image at the model's number of bits.
        max_pixel_error: the largest difference of `exact`, in 0..255.
    """

    exact: np.ndarray
    draws: np.ndarray
    finite: np.ndarray
    num_exact: int
    max_pixel_error: int


def reconstruct(coder, images, num_draws, seed, labels=None):
    """Returns the `Reconstructions` of images.

    Args:
        coder: a `Coder`.
        images: uint8 `[num_images, height, width, channels]`.
        num_draws: draws of z for each image; must be 0 for a model without an encoder.
        seed: integer.
        labels: integers `[num_images]`; only a model whose z comes from them needs them.

    Raises:
        ValueError: if draws are asked for of a model without an encoder, or the images do not fit.
    """
    model = coder.model
    validate.integer('num_draws', num_draws, minimum=0)
    if num_draws and (not model.latent.dim or model.latent.num_classes is not None):
        raise ValueError(f'`num_draws` must be 0 for a model whose z has no posterior to draw from; got num_draws={num_draws}.')
    code = coder.encode(images, labels)
    exact = coder.decode(*code)
    error = np.abs(exact.images.astype(int) - preprocess.at_num_bits(images, model.num_bits).numpy())
    draws, finite = np.empty((len(images), 0, *model.image_shape), np.uint8), np.empty((len(images), 0), bool)
    if num_draws:
        noise = seeds.normal([num_draws, len(images), model.latent.dim], seeds.tensor_seed(seed, 'posterior draws'), model.dtype)
        posterior = model.posterior(images)
        decoded = [coder.decode(posterior.from_noise(of_draw), code.v) for of_draw in noise]
        draws, finite = (np.stack(parts, axis=1) for parts in zip(*decoded))
    return Reconstructions(exact.images, draws, finite, int((error.reshape(len(error), -1).max(axis=1) == 0).sum()), int(error.max()))
