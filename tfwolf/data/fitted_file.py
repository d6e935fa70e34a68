"""Image files brought to one size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfwolf.core.files import Path
from tfwolf.data.fit import CENTER, Fit

if TYPE_CHECKING:
    from PIL import Image


def fitted(
    path: Path,
    picture: Image.Image,
    fit: Fit,
    channels: int,
    position: Sequence[float] | np.ndarray = CENTER,
) -> np.ndarray:
    """Return the picture of an image file as uint8 `[*fit.image_size, channels]`.

    Args:
        path: path of the file, for messages.
        picture: what `read_picture` returns for it.
        fit: `Fit` with an `image_size`.
        channels: 1 (grey) or 3 (color).
        position: position of a random crop, see `Fit.__call__`.

    Raises:
        ValueError: if the image does not fit; the message names the path.
    """
    fit.check(f'The image {path}', (picture.height, picture.width))
    return fit(picture.convert('L' if channels == 1 else 'RGB'), position)
