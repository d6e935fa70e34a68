"""Images with artefacts of known kinds and amounts, for tests of scores and distances."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.ndimage

from tfwolf.core.messages import did_you_mean


class Corruption(NamedTuple):
    """A kind of artefact and its amount.

    Attributes:
        kind: one of `KINDS`.
        amount: in the unit of the kind, larger than 0.
    """

    kind: str
    amount: float

    def __call__(self, images: np.ndarray, seed: int) -> np.ndarray:
        """Return the images with the artefact, of the same shape and type.

        Args:
            images: uint8 `[num_images, height, width, channels]`.
            seed: integer for noise and places.

        Raises:
            ValueError: if the images have another type.
        """
        if images.dtype != np.uint8 or images.ndim != 4:
            raise ValueError(
                '`images` must be uint8 [num_images, height, width, channels]; got '
                f'{images.dtype} {list(images.shape)}.'
            )
        return KINDS[self.kind].apply(images, self.amount, np.random.default_rng(seed))


def parse_corruption(text: str) -> Corruption:
    """Return the `Corruption` of a text such as 'blur:1.5'.

    Raises:
        ValueError: if the kind is unknown, or the amount is not a number larger than 0.
    """
    kind, _, amount = text.partition(':')
    if kind not in KINDS:
        units = ', '.join(f'{name}:AMOUNT ({found.unit})' for name, found in KINDS.items())
        raise ValueError(f'An artefact is one of {units}; got {text!r}.{did_you_mean(kind, KINDS)}')
    try:
        value = float(amount)
    except ValueError:
        value = 0.0
    if not 0 < value < np.inf:
        raise ValueError(
            f'The amount of an artefact must be a number larger than 0, in '
            f'{KINDS[kind].unit}, such as {kind}:2; got {text!r}.'
        )
    return Corruption(kind, value)


def noise(images: np.ndarray, amount: float, random: np.random.Generator) -> np.ndarray:
    """Return images with normal noise of the standard deviation `amount`, of 255."""
    return _rounded(images + amount * random.standard_normal(images.shape))


def blur(images: np.ndarray, amount: float, random: np.random.Generator) -> np.ndarray:
    """Return images blurred by a normal filter of the standard deviation `amount`, in pixels."""
    sigma = (0, amount, amount, 0)
    return _rounded(scipy.ndimage.gaussian_filter(images.astype(float), sigma, mode='nearest'))


def patch(images: np.ndarray, amount: float, random: np.random.Generator) -> np.ndarray:
    """Return images with a square of uniform noise, `amount` pixels wide, at a random place."""
    found = images.copy()
    side = int(np.clip(round(amount), 1, min(images.shape[1:3])))
    for image, (top, left) in zip(found, patch_places(images.shape, side, random)):
        square = image[top : top + side, left : left + side]
        square[...] = random.integers(0, 256, square.shape)
    return found


def patch_places(
    shape: tuple[int, ...], side: int, random: np.random.Generator
) -> list[tuple[int, int]]:
    """Return (top, left) of the square in each image of a shape; see `patch`."""
    tops = random.integers(0, shape[1] - side + 1, shape[0])
    lefts = random.integers(0, shape[2] - side + 1, shape[0])
    return list(zip(tops.tolist(), lefts.tolist()))


def jpeg(images: np.ndarray, amount: float, random: np.random.Generator) -> np.ndarray:
    """Return images after JPEG with the quality 100 - `amount`, at least 1."""
    from PIL import Image

    quality = int(np.clip(round(100 - amount), 1, 100))

    def coded(plane: np.ndarray) -> np.ndarray:
        file = io.BytesIO()
        Image.fromarray(plane).save(file, 'JPEG', quality=quality)
        return np.asarray(Image.open(file))

    if images.shape[-1] == 3:
        return np.stack([coded(image) for image in images])
    planes = np.moveaxis(images, -1, 1)
    found = np.stack([np.stack([coded(plane) for plane in image]) for image in planes])
    return np.moveaxis(found, 1, -1)


class _Kind(NamedTuple):
    """A function of images, amount and generator, and the unit of the amount."""

    apply: Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
    unit: str


KINDS = {
    'noise': _Kind(noise, 'standard deviation, of 255'),
    'blur': _Kind(blur, 'standard deviation in pixels'),
    'patch': _Kind(patch, 'width in pixels of a square of noise'),
    'jpeg': _Kind(jpeg, '100 - quality'),
}


def _rounded(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
