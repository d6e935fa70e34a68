"""Captioned pictures of samples and switches that training writes while a model trains."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tfwolf.analysis.coder import decode_and_check
from tfwolf.analysis.conditional_samples import conditional_picture, repeated
from tfwolf.core.image_noise import image_seeds
from tfwolf.models.generation import Array, LatentCode, sample_code, switch_codes
from tfwolf.models.wolf import Wolf
from tfwolf.pictures.grids import captioned, image_grid, marked

SWITCH_CAPTIONS = ('A', 'B', 'z of A, v of B', 'z of B, v of A')
# Pairs of images in a row of the picture of switches.
PAIRS_PER_ROW = 2
# Rows of samples in the picture of a conditional model, and the most columns.
DRAWS_PER_CONDITION, MOST_CONDITIONS = 4, 8
# Width in pixels of an image under the longest of the captions.
CAPTIONED_WIDTH = 72


class Preview(NamedTuple):
    """A picture of generated images, of which those that are not finite are crossed out.

    Attributes:
        picture: uint8 `[height, width, 3]`.
        num_images: number of generated images in the picture.
        num_not_finite: number of those that are crossed out.
    """

    picture: np.ndarray
    num_images: int
    num_not_finite: int


def sample_grid(
    model: Wolf, num_images: int, seed: int, temperature_v: float = 1.0, temperature_z: float = 1.0
) -> Preview:
    """Return the `Preview` of a square grid of samples; arguments as in `Wolf.sample`."""
    code = sample_code(
        model.latent,
        model.image_shape,
        model.dtype,
        image_seeds(seed, num_images),
        temperature_v,
        temperature_z,
    )
    images, num_not_finite = _decode_and_mark(model, code, None)
    temperature = f'T = {temperature_v:g}'
    if temperature_z != temperature_v:
        temperature = f'T of z = {temperature_z:g}, T of v = {temperature_v:g}'
    grid = image_grid(images, columns=math.ceil(math.sqrt(num_images)))
    return Preview(captioned(grid, columns=[f'samples, {temperature}']), num_images, num_not_finite)


def conditional_grid(model: Wolf, images: Array, num_samples: int, seed: int) -> Preview:
    """Return the `Preview` of samples for the conditions of images, which are shown below.

    There are at most `MOST_CONDITIONS` columns of at most `DRAWS_PER_CONDITION` samples. Sample i
    is that of `Wolf.sample` with the condition of image i modulo the number of columns.

    Args:
        model: a `Wolf` with a condition.
        images: uint8 `[num_images, height, width, channels]`; the first ones are used.
        num_samples: largest number of samples.
        seed: integer.
    """
    columns = min(len(images), num_samples, MOST_CONDITIONS)
    count = columns * min(DRAWS_PER_CONDITION, num_samples // columns)
    condition = np.asarray(model.condition_of(images[:columns]))
    code = sample_code(model.latent, model.image_shape, model.dtype, image_seeds(seed, count))
    samples, num_not_finite = _decode_and_mark(model, code, repeated(condition, count))
    picture = conditional_picture(condition, samples, images=images[:columns])
    return Preview(picture, count, num_not_finite)


def switch_grid(model: Wolf, images: Array, labels: Array | None = None) -> Preview:
    """Return the `Preview` of the switches of pairs of consecutive images.

    The condition of a model that has one goes with v.

    A pair takes four columns: A, B, z of A with v of B, z of B with v of A. There are two pairs in
    a row.

    Args:
        images: uint8 `[2 * num_pairs, height, width, channels]`.
        labels: integers `[2 * num_pairs]`; only used by a model whose z comes from labels.

    Raises:
        ValueError: if the model has no z, or the images do not fit.
    """
    pairs = [np.asarray(images[start::2]) for start in (0, 1)]
    pair_labels = [None if labels is None else labels[start::2] for start in (0, 1)]
    codes = switch_codes(*(model.encode(*side) for side in zip(pairs, pair_labels)))
    conditions = [model.condition_of(side) for side in reversed(pairs)]
    switches, counts = zip(
        *(_decode_and_mark(model, *of_side) for of_side in zip(codes, conditions))
    )
    table = np.stack([*pairs, *switches], axis=1)
    shown = _wide_enough(table.reshape(-1, *table.shape[2:]))
    grid = image_grid(shown, columns=PAIRS_PER_ROW * len(SWITCH_CAPTIONS))
    return Preview(
        captioned(grid, columns=SWITCH_CAPTIONS * PAIRS_PER_ROW), len(images), sum(counts)
    )


def _decode_and_mark(
    model: Wolf, code: LatentCode, condition: Array | None
) -> tuple[np.ndarray, int]:
    """Return the images of a code, crossed out if not finite, and the number of those."""
    z, v = code
    decoded = decode_and_check(model.flow, model.flow_condition(z, condition), v, model.values)
    images, finite = (part.numpy() for part in decoded)
    return marked(images, finite), int((~finite).sum())


def _wide_enough(images: np.ndarray) -> np.ndarray:
    """Return images enlarged by whole pixels to at least `CAPTIONED_WIDTH`."""
    zoom = math.ceil(CAPTIONED_WIDTH / images.shape[2])
    return images.repeat(zoom, axis=1).repeat(zoom, axis=2)
