"""Masks of unknown pixels, by name or from a picture."""

from __future__ import annotations

import os

import numpy as np

from tfwolf.core.image_file import read_picture
from tfwolf.core.paths import expanded

# Values of a picture from here on are unknown.
UNKNOWN = 128
NAMES = ('left', 'right', 'top', 'bottom', 'center', 'none', 'random:SHARE')


def known_pixels(text: str, count: int, height: int, width: int, seed: int) -> np.ndarray:
    """Return the known pixels of images, bool `[count, height, width]`.

    Args:
        text: 'left', 'right', 'top', 'bottom' (that half is unknown), 'center' (the square of half
            the size), 'none' (all pixels are known), 'random:SHARE' (that share is unknown, other
            pixels for each image), or the path of a picture of the same size whose white pixels are
            unknown.
        count, height, width: of the images.
        seed: integer for random pixels.

    Raises:
        ValueError: if the text is none of these, or the picture has another size.
    """
    rows, columns = np.indices((height, width))
    halves = {
        'left': columns < width // 2,
        'right': columns >= width - width // 2,
        'top': rows < height // 2,
        'bottom': rows >= height - height // 2,
        'center': (abs(2 * rows + 1 - height) < height / 2)
        & (abs(2 * columns + 1 - width) < width / 2),
        'none': np.zeros((height, width), bool),
    }
    if text in halves:
        return np.broadcast_to(~halves[text], (count, height, width))
    name, _, share = text.partition(':')
    if name == 'random':
        return _random(share, text, (count, height, width), seed)
    path = expanded(text)
    if not os.path.isfile(path):
        raise ValueError(
            f'--mask must be one of {", ".join(NAMES)}, or the path of a picture; got {text!r}.'
        )
    picture = read_picture(path)
    if (picture.height, picture.width) != (height, width):
        raise ValueError(
            f'The mask {path} is {picture.height}x{picture.width} (height x width), and the images '
            f'are {height}x{width}.'
        )
    known = np.asarray(picture.convert('L')) < UNKNOWN
    return np.broadcast_to(known, (count, height, width))


def _random(share: str, text: str, shape: tuple[int, int, int], seed: int) -> np.ndarray:
    try:
        value = float(share)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise ValueError(f'The share of random:SHARE must be between 0 and 1; got {text!r}.')
    count = round(value * shape[1] * shape[2])
    order = np.argsort(np.random.default_rng(seed).random((shape[0], shape[1] * shape[2])), axis=1)
    known = np.ones(order.shape, bool)
    np.put_along_axis(known, order[:, :count], False, axis=1)
    return known.reshape(shape)
